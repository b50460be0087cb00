/**
 * Every figure of "speed and scale" beside its bar: whole processes, cold, each in the user CPU time that it took itself
 * (the least of a few runs) and the most memory that it held. Measures dist/: run `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { scatteredEdits } from './support/edited-text.ts';
import { largeDump } from './support/large-dump.ts';
import { distinctSources, kubeServices } from './support/shapes.ts';

const root = join(import.meta.dirname, '..');
const command = join(root, 'dist', 'cli.js');
const folder = mkdtempSync(join(tmpdir(), 'fwsim-bench-'));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text, 'latin1');
  return path;
};

/** What a process says of itself when it ends. */
const told = join(folder, 'told.json');
const hook = file(
  'hook.mjs',
  `import { writeFileSync } from 'node:fs';
process.on('exit', () => {
  const { userCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(${JSON.stringify(told)}, JSON.stringify({ ms: userCPUTime / 1000, mb: maxRSS / 1000 }));
});
`,
);
const deadRules = file(
  'dead-rules.mjs',
  `import { readFileSync } from 'node:fs';
import { analyse, answerRules, defaultRegistry, readMachine } from ${JSON.stringify(pathToFileURL(join(root, 'dist', 'index.js')).href)};
const registry = defaultRegistry();
const text = readFileSync(process.argv[2], 'latin1');
const { rulesets, machine } = readMachine([{ name: 'bench', text }], { registry });
const answers = answerRules(analyse({ ruleset: rulesets[0].linked.ruleset, machine, registry }));
for (const rule of answers.dead()) answers.death(rule);
`,
);

function row(what: string, bar: string, args: readonly string[], runs = 3): void {
  let ms = Number.POSITIVE_INFINITY;
  let mb = 0;
  for (let run = 0; run < runs; run++) {
    rmSync(told, { force: true });
    spawnSync(process.execPath, ['--import', pathToFileURL(hook).href, ...args], { maxBuffer: 2 ** 29 });
    if (!existsSync(told)) continue;
    const said = JSON.parse(readFileSync(told, 'utf8')) as { ms: number; mb: number };
    if (said.ms < ms) ({ ms, mb } = said);
  }
  const time = `${ms.toFixed(0)} ms`.padStart(9);
  console.log(`  ${time} ${`${mb.toFixed(0)} MB`.padStart(8)}  ${what.padEnd(50)} ${bar}`);
}

if (!existsSync(command)) console.log('figures: needs npm run build');
else {
  console.log('whole processes, user CPU and memory; bars at the right');
  row('an empty script', '', [file('empty.mjs', '')], 5);
  const text = largeDump();
  if (text === undefined) console.log('  the large dump: needs the corpus in the shared data');
  else {
    const large = file('large.rules', text);
    row('large dump: dead rules with covers', '≤ 1.5 s, 500 MB', [deadRules, large]);
    row('large dump: matrix of one port', '≤ 0.8 s', [command, 'matrix', large, '--port', '22']);
    row('large dump: diff with 200 scattered edits', '≤ 5 s', [
      command,
      'diff',
      large,
      file('edited.rules', scatteredEdits(text, 200)),
      '--all',
    ]);
    row('large dump: diff with itself', '≤ 1 s', [command, 'diff', large, large]);
    row('large dump: exposure', '', [command, large, '--no-lint'], 2);
  }
  row('10,000 distinct sources: dead rules', '≤ 2 s', [
    deadRules,
    file('distinct.rules', distinctSources(10_000)),
  ]);
  for (const rules of [1, 2, 5, 10, 20, 50, 100])
    row(
      `kube-proxy's shape, ${rules},000 rules: dead rules`,
      rules === 100 ? '≤ 8 s, 1.5 GB' : 'near-linear',
      [deadRules, file('kube.rules', kubeServices(rules * 100))],
      rules > 20 ? 1 : 2,
    );
  console.log('look-up, one change: npm run bench -- analysis edits');
}
rmSync(folder, { recursive: true });
