/** What every bundle of this project has in common, whether shipped or run once during development. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { build } from 'esbuild';

/** The folder of package.json, absolute. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** package.json, read once. */
export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * CommonJS packages ask for Node's own modules with `require`, which an ES module does not have. Every Node that
 * we support hands them out through `process.getBuiltinModule`, so no `createRequire` has to stand at the top of
 * each file, and the library's chunks stay free of Node.
 *
 * @param kinds the ways of asking that are met so, in esbuild's words
 */
function builtinsAsked(kinds) {
  return {
    name: 'builtins-asked',
    setup(build) {
      build.onResolve({ filter: /^[a-z]/ }, (args) =>
        kinds.includes(args.kind) && isBuiltin(args.path)
          ? { path: args.path, namespace: 'node-builtin' }
          : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: 'node-builtin' }, (args) => ({
        contents: `module.exports = process.getBuiltinModule(${JSON.stringify(args.path)});`,
        loader: 'js',
      }));
    },
  };
}

/** All ways of asking for a module. */
const everyWay = ['require-call', 'import-statement', 'dynamic-import'];

/**
 * The page of `fwsim report` has a script of its own, which is bundled for browsers and takes the place of
 * src/page/page-script.ts in the programs that print pages.
 */
export const pageScriptPath = join(root, 'src', 'page', 'page-script.ts');

/** @type {Promise<string> | undefined} */
let pageScript;

/** The code of src/page/page-script.ts, with the script in it; built once. */
export function pageScriptModule() {
  pageScript ??= bundlePageScript().then(
    (script) =>
      `export const packedPageScript = ${JSON.stringify(deflateRawSync(script, { level: 9 }).toString('base64'))};`,
  );
  return pageScript;
}

async function bundlePageScript() {
  const { plugins: _, ...options } = commonOptions;
  const { outputFiles } = await build({
    ...options,
    entryPoints: ['src/browser/main.ts'],
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    write: false,
  });
  return outputFiles[0].contents;
}

const pageScriptInside = {
  name: 'page-script-inside',
  setup(build) {
    build.onLoad({ filter: /[/\\]page-script\.ts$/ }, async (args) =>
      args.path === pageScriptPath ? { contents: await pageScriptModule(), loader: 'js' } : undefined,
    );
  },
};

/** @type {import('esbuild').BuildOptions} */
export const commonOptions = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // A file of single bytes is read and scanned a third faster than one with a single dash of another kind in it.
  charset: 'ascii',
  logLevel: 'warning',
  // React and Ink choose their production halves by these; the devtools are never wanted.
  define: {
    'process.env.NODE_ENV': '"production"',
    'process.env.DEV': '"false"',
    FWSIM_VERSION: JSON.stringify(manifest.version),
  },
  alias: {
    'react-devtools-core': join(root, 'scripts', 'empty-module.mjs'),
    ws: join(root, 'scripts', 'empty-module.mjs'),
    'terminal-size': join(root, 'scripts', 'terminal-size.mjs'),
    'string-width': join(root, 'scripts', 'lazy-string-width.cjs'),
    'string-width-itself': join(root, 'node_modules', 'string-width', 'index.js'),
  },
  plugins: [builtinsAsked(['require-call']), pageScriptInside],
};

/**
 * The command as one script, for `src/cli/launcher.ts`: an expression that gives a function, which takes the URL of the
 * file that was started. V8 keeps compiled code of scripts, and of modules only where Node.js hands it through. The parts
 * of the program that load others when they need them do so as before: what is not asked for is not run.
 *
 * @returns the script's text, without line end, and esbuild's metafile
 */
export async function bundleProgram() {
  const { metafile, outputFiles } = await build({
    ...commonOptions,
    entryPoints: ['src/cli/main.ts'],
    outfile: 'program.js',
    minify: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    define: { ...commonOptions.define, 'import.meta.url': 'FWSIM_STARTED_FROM' },
    plugins: [builtinsAsked(everyWay), pageScriptInside],
  });
  // V8 reads a function whose expression begins with a parenthesis once, and others twice.
  const body = outputFiles[0].text.replace(/^#!.*\n/, '').trimEnd();
  const text = `(async function(FWSIM_STARTED_FROM){"use strict";${body}})`;
  return { text, metafile };
}

/**
 * The file that is started.
 *
 * @param program the script's text
 * @param programFile where the program will stand, as seen from the launcher's folder; absent: behind the launcher, in the
 *   lines of the same file that follow a line `//program`, each a comment
 */
export async function bundleLauncher(program, programFile) {
  const { outputFiles } = await build({
    ...commonOptions,
    entryPoints: ['src/cli/launcher.ts'],
    outfile: 'launcher.js',
    minify: true,
    write: false,
    // Imported, each would get a module of its own around it.
    plugins: [builtinsAsked(everyWay)],
    define: {
      ...commonOptions.define,
      FWSIM_PROGRAM_FILE: programFile === undefined ? 'undefined' : JSON.stringify(programFile),
      FWSIM_PROGRAM_DIGEST: JSON.stringify(createHash('sha256').update(program).digest('hex')),
    },
  });
  return outputFiles[0].text;
}
