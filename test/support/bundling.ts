import { join } from 'node:path';
import type { BuildOptions } from 'esbuild';
import { repositoryRoot } from './source-tree.ts';

const shared = (await import(join(repositoryRoot, 'scripts', 'bundling.mjs'))) as {
  readonly commonOptions: BuildOptions;
  readonly bundleLauncher: (program: string, programFile?: string) => Promise<string>;
};

/** How everything that is shipped is bundled: tests of whole programs build theirs in the same way. */
export const shippedOptions: BuildOptions = { ...shared.commonOptions, logLevel: 'silent' };

/** The file that is started, for a program of a test's own: see scripts/bundling.mjs. */
export const bundleLauncher = shared.bundleLauncher;
