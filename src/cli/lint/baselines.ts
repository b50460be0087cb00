import { resolve } from 'node:path';
import { checks } from '../../linting.ts';
import { type MachineReport, machineName } from '../../report/machine-report.ts';
import { flag, type Invocation, value } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Io } from '../io.ts';
import type { LoadedConfig } from './loaded-config.ts';

/** What the command line says about a baseline. */
export interface BaselineChoice {
  /** `--baseline FILE`. */
  readonly file: string | undefined;
  /** `--write-baseline FILE`. */
  readonly write: string | undefined;
  /** `--prune-baseline`. */
  readonly prune: boolean;
}

/** @throws CommandFailure for what does not go together. */
export function baselineChoice(invocation: Invocation): BaselineChoice {
  const file = value(invocation, 'baseline');
  const write = value(invocation, 'writeBaseline');
  const prune = flag(invocation, 'pruneBaseline');
  if (write !== undefined && (file !== undefined || prune)) {
    throw new CommandFailure('--write-baseline goes with neither --baseline nor --prune-baseline', {
      hint: '--prune-baseline takes out of a baseline what is gone; --write-baseline begins anew',
    });
  }
  return { file, write, prune };
}

/** The baselines of a run: read once, written at its end. */
export interface Baselines {
  /** Whether this run writes one, and prints no findings. */
  readonly writes: boolean;
  /** The findings of a machine that were there before. */
  readonly forMachine: (
    name: string,
    config: LoadedConfig | undefined,
  ) => Promise<ReadonlySet<string> | undefined>;
  /** Writes what is to be written; false: nothing is, and findings are to be printed. */
  write(reports: readonly MachineReport[]): Promise<boolean>;
}

/** Makes the baselines of one run; their code is loaded only where there is one. */
export function createBaselines(choice: BaselineChoice, io: Io): Baselines {
  const load = () => import('./baseline-file.ts');
  /** By machine, the file that it was read from. */
  const used = new Map<string, string>();
  return {
    writes: choice.write !== undefined,
    async forMachine(name, config) {
      const path = choice.write === undefined ? (choice.file ?? config?.baseline) : undefined;
      if (path === undefined) return undefined;
      const { baselineName, fingerprintsOf, readBaseline } = await load();
      used.set(name, path);
      return fingerprintsOf(readBaseline(path, io), baselineName(path, name, io));
    },
    async write(reports) {
      if (choice.prune) await prune(reports);
      if (choice.write === undefined) return false;
      const { baselineName, baselineText, entriesOf } = await load();
      const path = choice.write;
      const looked = reports.filter(({ couldNotLook }) => couldNotLook === undefined);
      const entries = looked.flatMap((report) =>
        entriesOf(report, baselineName(path, machineName(report), io)),
      );
      io.writeFile(resolve(io.cwd, path), baselineText(entries));
      io.err(`fwsim: ${entries.length} findings are written to "${path}"; --baseline ${path} hides them\n`);
      return true;
    },
  };

  async function prune(reports: readonly MachineReport[]): Promise<void> {
    if (used.size === 0)
      throw new CommandFailure('there is no baseline to prune', { hint: 'name it by --baseline FILE' });
    const { baselineName, baselineText, prunedEntries, readBaseline } = await load();
    const needsContext = (code: string): boolean =>
      checks.some((check) => check.code === code && check.confidences.includes('context'));
    for (const path of new Set(used.values())) {
      const before = readBaseline(path, io);
      const after = reports
        .filter((report) => used.get(machineName(report)) === path)
        .reduce(
          (entries, report) =>
            prunedEntries(entries, report, baselineName(path, machineName(report), io), needsContext),
          before,
        );
      if (after.length < before.length) io.writeFile(resolve(io.cwd, path), baselineText(after));
      io.err(`fwsim: ${before.length - after.length} findings are gone, and taken out of "${path}"\n`);
    }
  }
}
