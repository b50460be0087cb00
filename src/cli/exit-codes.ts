/** What the exit code of the process says. Scripts depend on it; the numbers never change. */
export const exitCodes = {
  /** Clean, equal, proved, all pass; a trace was shown, whatever its verdict. */
  ok: 0,
  /** Findings at or above `--fail-on`; different; refuted; spoofable. */
  findings: 1,
  /** Wrong usage or configuration, or a file that could not be read or written. */
  usage: 2,
  /** Could not look: no table readable, empty input, a budget used up. Never to be taken for clean. */
  couldNotLook: 3,
  /** A bug in fwsim. */
  bug: 70,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What help says about them, in order. */
export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.ok, 'clean, equal, proved; or a trace was shown'],
  [exitCodes.findings, 'findings at or above --fail-on, different, refuted'],
  [exitCodes.usage, 'wrong usage or configuration, or a file could not be read'],
  [exitCodes.couldNotLook, 'could not look: empty input, no readable table, a limit was reached'],
  [exitCodes.bug, 'a bug in fwsim'],
];

/** Of several machines or parts, the gravest outcome counts: a bug, then usage, then could-not-look, findings. */
export function gravest(codes: readonly ExitCode[]): ExitCode {
  const order = [exitCodes.bug, exitCodes.usage, exitCodes.couldNotLook, exitCodes.findings] as const;
  return order.find((code) => codes.includes(code)) ?? exitCodes.ok;
}
