/**
 * `npm run test:lts`: the whole test suite on the newest long-term line of Node.js, which is fetched as an npm package
 * (its own, so that nothing of this machine's Node is touched). Arguments go to vitest.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from './bundling.mjs';

/** Raised by hand when a line becomes long-term: nothing here changes by itself. */
const version = '24.21.0';

const name = `node-${process.platform}-${process.arch}`;
const folder = join(root, 'node_modules', '.cache', 'fwsim-lts', version);
const bin = join(folder, 'node_modules', name, 'bin');

if (!existsSync(join(bin, 'node'))) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const { status } = spawnSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--ignore-scripts', `${name}@${version}`],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (status !== 0) {
    console.error(`test:lts: ${name}@${version} could not be installed`);
    process.exit(1);
  }
}
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
const { stdout } = spawnSync('node', ['-p', 'process.version + " " + (process.release.lts ?? "")'], {
  env,
  encoding: 'utf8',
});
const [running = '', line = ''] = stdout.trim().split(' ');
if (running !== `v${version}` || line === '') {
  console.error(`test:lts: expected a long-term Node ${version}, got "${stdout.trim()}"`);
  process.exit(1);
}
console.log(`Node ${version} (${line})`);
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const run = spawnSync(join(bin, 'node'), [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  env,
  stdio: 'inherit',
});
process.exit(run.status ?? 1);
