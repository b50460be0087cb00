/**
 * How long the command takes to start, in multiples of a Node process that does nothing. The bars: 1.1 for
 * `--version`, 1.4 for a command on a short ruleset. Measures dist/: run `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commands } from '../src/cli/command-table.ts';
import { type BenchCase, measure } from '../src/dev/measure.ts';

const rules = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
${Array.from({ length: 20 }, (_, index) => `-A INPUT -p tcp -m tcp --dport ${8000 + index} -j ACCEPT`).join('\n')}
COMMIT
`;

const folder = mkdtempSync(join(tmpdir(), 'fwsim-bench-'));
const empty = join(folder, 'empty.mjs');
writeFileSync(empty, '');

function node(name: string, ...args: readonly string[]): BenchCase {
  // Compiled code of the warm-up runs is kept here, as users keep it.
  const env = { ...process.env, XDG_CACHE_HOME: folder };
  return { name, run: () => spawnSync(process.execPath, args, { input: rules, env }) };
}

const onRules = commands.filter(({ name }) => ['lint', 'fmt'].includes(name));
await measure('start-up', [
  node('an empty script', empty),
  node('fwsim --version', 'dist/cli.js', '--version'),
  node('fwsim --help', 'dist/cli.js', '--help'),
  ...onRules.map(({ name }) => node(`fwsim ${name} of 20 rules`, 'dist/cli.js', name)),
  node('the single file, --version', 'dist/fwsim.mjs', '--version'),
  ...onRules.map(({ name }) => node(`the single file, ${name} of 20 rules`, 'dist/fwsim.mjs', name)),
]);
rmSync(folder, { recursive: true });
