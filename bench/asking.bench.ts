/**
 * How long questions about all packets take, the whole process. The bars: the exposure of 30 rules 3 times an empty Node
 * process; the matrix of one port on the large dump 0.8 seconds. Measures dist/: run `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchCase, measure } from '../src/dev/measure.ts';
import { largeDump } from './support/large-dump.ts';

const folder = mkdtempSync(join(tmpdir(), 'fwsim-bench-'));
const empty = join(folder, 'empty.mjs');
writeFileSync(empty, '');
const small = join(folder, 'small.rules');
writeFileSync(
  small,
  `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
${Array.from({ length: 28 }, (_, index) => `-A INPUT -s 192.168.1.0/24 -i eth1 -p tcp -m tcp --dport ${8000 + index} -j ACCEPT`).join('\n')}
COMMIT
`,
);

function node(name: string, ...args: readonly string[]): BenchCase {
  return { name, run: () => spawnSync(process.execPath, args) };
}

const dump = largeDump();
const large = join(folder, 'large.rules');
if (dump !== undefined) writeFileSync(large, dump, 'latin1');

await measure('questions about all packets, the whole process', [
  node('an empty script', empty),
  node('fwsim FILE, 30 rules', 'dist/cli.js', small),
  node('fwsim FILE --no-lint, 30 rules', 'dist/cli.js', small, '--no-lint'),
  node('fwsim query, 30 rules', 'dist/cli.js', 'query', small, '--new'),
  ...(dump !== undefined
    ? [node('fwsim matrix --port 22, 5,556 rules', 'dist/cli.js', 'matrix', large, '--port', '22')]
    : []),
]);
rmSync(folder, { recursive: true });
