import { join } from 'node:path';
import type { BuildOptions } from 'esbuild';
import { repositoryRoot } from './source-tree.ts';

const shared = (await import(join(repositoryRoot, 'scripts', 'bundling.mjs'))) as {
  readonly commonOptions: BuildOptions;
};

/** How everything that is shipped is bundled: tests of whole programs build theirs in the same way. */
export const shippedOptions: BuildOptions = { ...shared.commonOptions, logLevel: 'silent' };
