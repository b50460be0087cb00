/**
 * `npm run build`: everything that is shipped, into dist/.
 *
 *   dist/index.js, dist/types/   the library and its declarations
 *   dist/testing*.js             what tests of rules use
 *   dist/cli.js, dist/program.cjs   the command: what is started, and what it then runs with kept compiled code
 *   dist/fwsim.mjs               the command as one file that needs nothing but Node
 *   dist/THIRD-PARTY-NOTICES.txt, dist/sbom.cdx.json   what of other people is in it
 *
 * Silent when all is well.
 */
import { spawn } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { billOfMaterials, thirdPartyNotices } from './bundled-packages.mjs';
import { bundleLauncher, bundleProgram, commonOptions, manifest, root } from './bundling.mjs';

const dist = join(root, 'dist');

/** The declarations come from the compiler; it runs beside the bundler. */
function emitDeclarations() {
  return new Promise((resolve, reject) => {
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const child = spawn(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
      cwd: root,
      stdio: 'inherit',
    });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error('tsc refused the declarations'))));
  });
}

function bundleLibrary() {
  return build({
    ...commonOptions,
    entryPoints: {
      index: 'src/index.ts',
      testing: 'src/testing/index.ts',
      'testing-vitest': 'src/testing/vitest.ts',
    },
    // Property tests must share these with the tests that use them.
    external: ['fast-check', 'vitest'],
    outdir: dist,
    splitting: true,
    minify: true,
    chunkNames: 'chunks/[name]-[hash]',
    legalComments: 'none',
    metafile: true,
  });
}

try {
  rmSync(dist, { recursive: true, force: true });
  const [library, program] = await Promise.all([bundleLibrary(), bundleProgram(), emitDeclarations()]);
  const inputs = { inputs: { ...library.metafile.inputs, ...program.metafile.inputs } };
  writeFileSync(join(dist, 'THIRD-PARTY-NOTICES.txt'), thirdPartyNotices(inputs));
  const materials = billOfMaterials(inputs, manifest);
  writeFileSync(join(dist, 'sbom.cdx.json'), `${JSON.stringify(materials, null, 2)}\n`);

  writeFileSync(join(dist, 'program.cjs'), program.text);
  writeFileSync(join(dist, 'cli.js'), await bundleLauncher(program.text, 'program.cjs'));
  // The single file travels alone, so it carries the notices itself. Program and notices are comments to Node.js: it reads
  // past them, and the launcher takes the program from there.
  const comment = (text) => text.trimEnd().replace(/^/gm, '//');
  const parts = [
    await bundleLauncher(program.text),
    thirdPartyNotices(program.metafile),
    `program\n${program.text}`,
  ];
  writeFileSync(join(dist, 'fwsim.mjs'), `${parts[0]}${comment(parts[1])}\n${comment(parts[2])}\n`);
  for (const command of ['cli.js', 'fwsim.mjs']) chmodSync(join(dist, command), 0o755);
} catch (error) {
  // esbuild and tsc have said what is wrong; anything else has not been said yet.
  if (!('errors' in error)) console.error(error.message);
  process.exitCode = 1;
}
