/** The team's repository of rules-examples/review as it is after `npm install`, without a network. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import type { DocMachine } from '../../src/dev/doc-machine.ts';
import { shippedOptions } from './bundling.ts';
import { repositoryRoot } from './source-tree.ts';

/** Installs fwsim as it is shipped into a folder's `node_modules`, with vitest and fast-check beside it. */
async function installFwsim(folder: string): Promise<void> {
  const modules = join(folder, 'node_modules');
  const own = join(modules, 'fwsim');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  mkdirSync(own);
  for (const name of ['package.json', 'share', 'action.yml'])
    cpSync(join(repositoryRoot, name), join(own, name), { recursive: true });
  await build({
    ...shippedOptions,
    entryPoints: {
      cli: join(repositoryRoot, 'src/cli/main.ts'),
      testing: join(repositoryRoot, 'src/testing/index.ts'),
      'testing-vitest': join(repositoryRoot, 'src/testing/vitest.ts'),
    },
    outdir: join(own, 'dist'),
    splitting: true,
    external: ['fast-check', 'vitest'],
  });
  for (const name of ['vitest', 'fast-check'])
    symlinkSync(join(repositoryRoot, 'node_modules', name), join(modules, name));
  const programs = {
    fwsim: join(own, 'dist', 'cli.js'),
    vitest: join(modules, 'vitest', 'vitest.mjs'),
  };
  for (const [name, program] of Object.entries(programs)) {
    const path = join(modules, '.bin', name);
    writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
    chmodSync(path, 0o755);
  }
  symlinkSync(join(own, 'share', 'review', 'fwsim-review'), join(modules, '.bin', 'fwsim-review'));
}

/** A keyboard in a copy of the example. `npx` finds what is installed and fetches nothing. */
export async function reviewExample(): Promise<DocMachine & { readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'fwsim-review-'));
  cpSync(join(repositoryRoot, 'rules-examples', 'review'), folder, {
    recursive: true,
    filter: (path) => !/node_modules|package-lock/.test(path),
  });
  await installFwsim(folder);
  const bin = join(folder, 'node_modules', '.bin');
  const npx = join(bin, 'npx');
  writeFileSync(npx, '#!/bin/sh\nexec "$@"\n');
  chmodSync(npx, 0o755);
  const env = {
    PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    COLUMNS: '80',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    NO_COLOR: '1',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  return {
    folder,
    run: (command) => {
      const { stdout, status } = spawnSync('bash', ['--norc', '-c', `{ ${command}\n} 2>&1`], {
        cwd: folder,
        encoding: 'utf8',
        env,
        timeout: 120_000,
      });
      return { output: stdout, code: status ?? undefined };
    },
    write: (name, text) => writeFileSync(join(folder, name), text),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
