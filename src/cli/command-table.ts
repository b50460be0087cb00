import type { CommandSpec } from './command.ts';
import {
  checksDescription,
  collectDescription,
  explainDescription,
  fmtDescription,
  lintDescription,
  replayDescription,
  traceDescription,
  tuiDescription,
} from './command-specs.ts';
import { diffDescription } from './diff-command-spec.ts';
import { graphDescription } from './graph-command-spec.ts';
import { testDescription } from './policy/test-command-spec.ts';
import { reportDescription } from './report-command-spec.ts';
import {
  exposureDescription,
  matrixDescription,
  queryDescription,
  spoofDescription,
} from './set-command-specs.ts';

/**
 * The commands that exist, in the order of the help. A row joins a description with the code behind it:
 * `{ ...fmtDescription, load: () => import('./commands/fmt.ts') }`. What is not listed here does not exist.
 */
export const commands: readonly CommandSpec[] = [
  { ...exposureDescription, load: () => import('./commands/exposure.ts') },
  { ...lintDescription, load: () => import('./commands/lint.ts') },
  { ...traceDescription, load: () => import('./commands/trace.ts') },
  { ...queryDescription, load: () => import('./commands/query.ts') },
  { ...matrixDescription, load: () => import('./commands/matrix.ts') },
  { ...spoofDescription, load: () => import('./commands/spoof.ts') },
  { ...diffDescription, load: () => import('./commands/diff.ts') },
  { ...testDescription, load: () => import('./commands/test.ts') },
  { ...graphDescription, load: () => import('./commands/graph.ts') },
  { ...reportDescription, load: () => import('./commands/report.ts') },
  { ...replayDescription, load: () => import('./commands/replay.ts') },
  { ...tuiDescription, load: () => import('./commands/tui.ts') },
  { ...collectDescription, load: () => import('./commands/collect.ts') },
  { ...fmtDescription, load: () => import('./commands/fmt.ts') },
  { ...explainDescription, load: () => import('./commands/explain.ts') },
  { ...checksDescription, load: () => import('./commands/checks.ts') },
];
