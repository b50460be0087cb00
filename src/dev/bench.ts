/**
 * `npm run bench [-- NAME…]`: runs bench/NAME.bench.ts, all of them by default, one after the other, each in a
 * fresh process so that none inherits another's heap or compiled code. Measured, never asserted.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const ending = '.bench.ts';
const wanted = process.argv.slice(2);
const names = readdirSync('bench')
  .filter((file) => file.endsWith(ending))
  .map((file) => file.slice(0, -ending.length))
  .filter((name) => wanted.length === 0 || wanted.includes(name))
  .sort();

if (names.length === 0) {
  console.error(`bench/ has no ${wanted.length === 0 ? `*${ending}` : wanted.join(', ')}`);
  process.exitCode = 2;
}
for (const name of names) {
  const { status } = spawnSync(
    process.execPath,
    ['--expose-gc', join('scripts', 'dev.mjs'), join('bench', name + ending)],
    { stdio: 'inherit' },
  );
  if (status !== 0) process.exitCode = 1;
}
