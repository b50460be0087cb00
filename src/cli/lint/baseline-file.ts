import { dirname, relative, resolve, sep } from 'node:path';
import * as v from 'valibot';
import type { MachineReport } from '../../report/machine-report.ts';
import { CommandFailure } from '../command-failure.ts';
import { decodeText } from '../decode.ts';
import type { Io } from '../io.ts';

const entry = v.object({
  file: v.string(),
  fingerprint: v.string(),
  code: v.string(),
  place: v.string(),
  message: v.string(),
});

const baselineSchema = v.object({ schemaVersion: v.literal(1), findings: v.array(entry) });

/** One finding that was there when the baseline was written; what is beside the first two is for readers. */
export type BaselineEntry = v.InferOutput<typeof entry>;

/** Findings of the input as a whole and of suppressions are told each time. */
const neverKept: readonly string[] = ['FW905', 'FW910'];

/** The findings of a baseline file. @throws CommandFailure if it is none. */
export function readBaseline(path: string, io: Io): readonly BaselineEntry[] {
  const { text } = decodeText(io.readFile(resolve(io.cwd, path)), path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const read = v.safeParse(baselineSchema, value);
  if (!read.success)
    throw new CommandFailure(`"${path}" is no baseline of fwsim`, {
      hint: `fwsim lint --write-baseline ${path} writes one`,
    });
  return read.output.findings;
}

/** How a baseline names a ruleset: by its path from the baseline's own folder, so that the caller's folder does not matter. */
export function baselineName(baseline: string, ruleset: string, io: Io): string {
  if (ruleset === '<stdin>') return ruleset;
  const folder = dirname(resolve(io.cwd, baseline));
  return relative(folder, resolve(io.cwd, ruleset)).split(sep).join('/');
}

/** The fingerprints of one ruleset's findings. */
export function fingerprintsOf(entries: readonly BaselineEntry[], name: string): ReadonlySet<string> {
  return new Set(entries.filter(({ file }) => file === name).map(({ fingerprint }) => fingerprint));
}

/** The entries for what a machine has now; suppressed findings need none. */
export function entriesOf(report: MachineReport, name: string): readonly BaselineEntry[] {
  const before = report.suppressed.filter(({ by }) => by.kind === 'baseline').map(({ finding }) => finding);
  return [...report.findings, ...before]
    .filter(({ code }) => !neverKept.includes(code))
    .map(({ code, fingerprint, place, message }) => ({
      file: name,
      fingerprint,
      code,
      place: [place.table, place.chain, place.ruleNumber === undefined ? undefined : `#${place.ruleNumber}`]
        .filter((part) => part !== undefined)
        .join(' '),
      message,
    }));
}

/**
 * The entries that are still of use: those of other rulesets, those that were met, and those whose check did not run or
 * lacked what it was told before.
 */
export function prunedEntries(
  entries: readonly BaselineEntry[],
  report: MachineReport,
  name: string,
  needsContext: (code: string) => boolean,
): readonly BaselineEntry[] {
  const met = new Set(report.suppressed.map(({ finding }) => finding.fingerprint));
  const ran = new Set<string>(report.checked);
  const told = ['interfaces', 'routes', 'sysctls', 'sets', 'listeners'].every((fact) =>
    report.facts.some((f) => f.fact === fact && f.provenance === 'given'),
  );
  return entries.filter(
    ({ file, fingerprint, code }) =>
      file !== name ||
      (report.couldNotLook ?? report.unfinished) !== undefined ||
      met.has(fingerprint) ||
      !ran.has(code) ||
      (!told && needsContext(code)),
  );
}

/** A baseline as text: sorted, the same bytes for the same findings. */
export function baselineText(entries: readonly BaselineEntry[]): string {
  const key = (e: BaselineEntry): string => `${e.file}\n${e.code}\n${e.fingerprint}`;
  const sorted = [...entries].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return `${JSON.stringify({ schemaVersion: 1, findings: sorted }, null, 2)}\n`;
}
