/**
 * Runs one of our own TypeScript programs, since the oldest Node that we support cannot:
 *
 *   node scripts/dev.mjs NAME [ARGUMENT…]        src/dev/NAME.ts
 *   node scripts/dev.mjs FILE.ts [ARGUMENT…]     any file of this project
 *
 * The program is bundled into node_modules/.cache (packages stay outside of it), then imported. It finds its
 * arguments in process.argv as if it had been started directly, and the caller's folder in process.cwd(): npm
 * runs scripts in the folder of package.json. import.meta.dirname is the folder of the file that says it.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { commonOptions, root } from './bundling.mjs';

/** A bundle lies elsewhere than the files in it, which look for others next to themselves. */
const ownFolders = {
  name: 'own-folders',
  setup(build) {
    build.onLoad({ filter: /[\\/](?:src|test|bench)[\\/].*\.tsx?$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.dirname', () =>
        JSON.stringify(dirname(path)),
      ),
      loader: path.endsWith('x') ? 'tsx' : 'ts',
    }));
  },
};

const [name, ...rest] = process.argv.slice(2);
const source = name?.endsWith('.ts') ? resolve(name) : join(root, 'src', 'dev', `${name}.ts`);

if (name === undefined || !existsSync(source)) {
  const folder = join(root, 'src', 'dev');
  const known = existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith('.ts'))
        .map((file) => file.slice(0, -3))
    : [];
  console.error(`usage: node scripts/dev.mjs NAME|FILE.ts [ARGUMENT…]\nnames: ${known.join(' ')}`);
  process.exitCode = 2;
} else {
  const key = relative(root, source).replaceAll(/[^\w.-]+/g, '-');
  const outfile = join(root, 'node_modules', '.cache', 'fwsim', `${key}-${process.pid}.mjs`);
  try {
    await build({
      ...commonOptions,
      entryPoints: [source],
      outfile,
      packages: 'external',
      sourcemap: 'inline',
      plugins: [...(commonOptions.plugins ?? []), ownFolders],
    });
    process.on('exit', () => rmSync(outfile, { force: true }));
    process.setSourceMapsEnabled(true);
    process.argv = [process.argv[0], outfile, ...rest];
    await import(pathToFileURL(outfile).href);
  } catch (error) {
    if (!('errors' in Object(error))) throw error;
    process.exitCode = 1;
  }
}
