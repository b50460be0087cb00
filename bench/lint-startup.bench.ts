/**
 * How long `iptables-save | fwsim lint` takes for an ordinary machine, the whole process, in multiples of a Node
 * process that does nothing. The bar: 2.5 in user CPU, with compiled code of an earlier run; "without kept code" is what the
 * first run takes, but for keeping it. Measures dist/: run `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchCase, measure } from '../src/dev/measure.ts';

const clean = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
${Array.from({ length: 28 }, (_, index) => `-A INPUT -s 192.168.1.0/24 -i eth1 -p tcp -m tcp --dport ${8000 + index} -m conntrack --ctstate NEW -j ACCEPT`).join('\n')}
COMMIT
`;
const gateway = readFileSync('rules-examples/gateway-web-in-forward.rules', 'utf8');

const folder = mkdtempSync(join(tmpdir(), 'fwsim-bench-'));
const empty = join(folder, 'empty.mjs');
writeFileSync(empty, '');

function node(name: string, input: string, ...args: readonly string[]): BenchCase {
  const env = { ...process.env, XDG_CACHE_HOME: folder };
  return { name, run: () => spawnSync(process.execPath, args, { input, env }) };
}

function cold(name: string, input: string, ...args: readonly string[]): BenchCase {
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' };
  return { name: `${name}, without kept code`, run: () => spawnSync(process.execPath, args, { input, env }) };
}

await measure('lint, the whole process', [
  node('an empty script', '', empty),
  node('fwsim lint, 30 clean rules', clean, 'dist/cli.js', 'lint'),
  cold('fwsim lint, 30 clean rules', clean, 'dist/cli.js', 'lint'),
  node('fwsim lint, a gateway with findings', gateway, 'dist/cli.js', 'lint'),
  node('fwsim lint --format json, 30 clean rules', clean, 'dist/cli.js', 'lint', '--format', 'json'),
  node('fwsim FILE, 30 clean rules', clean, 'dist/cli.js'),
  node('the single file, 30 clean rules', clean, 'dist/fwsim.mjs', 'lint'),
  cold('the single file, 30 clean rules', clean, 'dist/fwsim.mjs', 'lint'),
]);
rmSync(folder, { recursive: true });
