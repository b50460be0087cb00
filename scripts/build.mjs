/**
 * `npm run build`: everything that is shipped, into dist/.
 *
 *   dist/index.js, dist/types/   the library and its declarations
 *   dist/testing*.js             what tests of rules use
 *   dist/cli.js + chunks         the command; one chunk per command, so that each starts as fast as it can
 *   dist/fwsim.mjs               the command as one file that needs nothing but Node
 *   dist/THIRD-PARTY-NOTICES.txt, dist/sbom.cdx.json   what of other people is in it
 *
 * Silent when all is well.
 */
import { spawn } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { billOfMaterials, thirdPartyNotices } from './bundled-packages.mjs';
import { commonOptions, manifest, root } from './bundling.mjs';

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

function bundlePackage() {
  return build({
    ...commonOptions,
    entryPoints: {
      index: 'src/index.ts',
      cli: 'src/cli/main.ts',
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

function bundleSingleFile() {
  return build({
    ...commonOptions,
    entryPoints: ['src/cli/main.ts'],
    outfile: join(dist, 'fwsim.mjs'),
    minify: true,
    legalComments: 'none',
    metafile: true,
  });
}

try {
  rmSync(dist, { recursive: true, force: true });
  const [packaged, single] = await Promise.all([bundlePackage(), bundleSingleFile(), emitDeclarations()]);
  writeFileSync(join(dist, 'THIRD-PARTY-NOTICES.txt'), thirdPartyNotices(packaged.metafile));
  const materials = billOfMaterials(packaged.metafile, manifest);
  writeFileSync(join(dist, 'sbom.cdx.json'), `${JSON.stringify(materials, null, 2)}\n`);
  // The single file travels alone, so it carries the notices itself, as comments behind the code.
  const singlePath = join(dist, 'fwsim.mjs');
  const notices = thirdPartyNotices(single.metafile).trimEnd().replace(/^/gm, '// ');
  writeFileSync(singlePath, `${readFileSync(singlePath, 'utf8')}\n${notices}\n`);
  for (const command of ['cli.js', 'fwsim.mjs']) chmodSync(join(dist, command), 0o755);
} catch (error) {
  // esbuild and tsc have said what is wrong; anything else has not been said yet.
  if (!('errors' in error)) console.error(error.message);
  process.exitCode = 1;
}
