/** Levels of the LOG target. */

import { parseUnsigned } from './integer-text.ts';

/** What LOG uses when no level is given; iptables-save does not print it. */
export const defaultLogLevel = 4;

/**
 * Names that LOG takes; `warn` and `err` are not among them, and case matters.
 *
 * Source: iptables extensions/libxt_LOG.c; seen with 1.8.9.
 */
export const logLevels: Readonly<Record<string, number>> = {
  emerg: 0,
  panic: 0,
  alert: 1,
  crit: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
};

/** Reads `--log-level`: 0 to 7 or a name. Undefined: `log level "…" unknown`. */
export function parseLogLevel(text: string): number | undefined {
  return parseUnsigned(text, 7) ?? (Object.hasOwn(logLevels, text) ? logLevels[text] : undefined);
}

/** The usual name of a level. */
export function logLevelName(level: number): string {
  return (
    Object.keys(logLevels).find((name) => logLevels[name] === level && name !== 'panic') ?? String(level)
  );
}
