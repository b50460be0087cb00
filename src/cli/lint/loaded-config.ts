import { relative } from 'node:path';
import type { SourceText } from '../../diagnostics/sources.ts';
import type { DeclaredContext, LintOptions, Suppression } from '../../linting.ts';
import type { Io } from '../io.ts';

/** What `fwsim.yml` says, in the words of the linter. */
export interface LoadedConfig {
  readonly lint: Pick<
    LintOptions,
    | 'presets'
    | 'also'
    | 'ignore'
    | 'preview'
    | 'severities'
    | 'profile'
    | 'minConfidence'
    | 'generators'
    | 'sensitivePorts'
  >;
  readonly failOn: 'error' | 'warning' | 'info' | 'never' | undefined;
  readonly declared: DeclaredContext | undefined;
  /** Files with outputs of other commands; paths as they can be opened. */
  readonly captures: readonly string[];
  readonly baseline: string | undefined;
}

/** What `.fwsim/suppressions.yml` says. */
export interface LoadedSuppressions {
  readonly source: SourceText;
  /** `file` of each: the ruleset that it is about, as an absolute path. */
  readonly entries: readonly { readonly suppression: Suppression; readonly file: string | undefined }[];
}

/** A path as people would write it: from the working directory, if it lies in it. */
export function shownPath(io: Io, path: string): string {
  const short = relative(io.cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}
