/**
 * Every figure of "speed and scale" beside its bar: whole processes, cold, each in the user CPU time that it took itself
 * (the least of a few runs) and the most memory that it held. Measures dist/: run `npm run build` first.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { analyse } from '../src/analysis/analysis.ts';
import { answerEdits } from '../src/analysis/edits.ts';
import { answerRules, type RuleAnswers } from '../src/analysis/rule-answers.ts';
import { defaultRegistry, readMachine } from '../src/index.ts';
import type { Ruleset } from '../src/model/ruleset.ts';
import { sharedPath } from '../test/support/shared.ts';
import { scatteredEdits } from './support/edited-text.ts';
import { largeDump } from './support/large-dump.ts';
import { lookUp, packetsAtOnce } from './support/look-up.ts';
import { distinctSources, kubeServices } from './support/shapes.ts';
import { singleEdits } from './support/single-edits.ts';

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

/** User CPU of this process, in milliseconds. */
const timed = (work: () => void): number => {
  const start = process.cpuUsage().user;
  work();
  return (process.cpuUsage().user - start) / 1000;
};

/** What a process that goes on sees: warm answers, look-ups, one change after the other. */
function inProcess(text: string): void {
  const line = (ms: number, digits: number, unit: string, what: string, bar: string): void =>
    console.log(
      `  ${`${ms.toFixed(digits)} ${unit}`.padStart(9)} ${' '.repeat(8)}  ${what.padEnd(50)} ${bar}`,
    );
  console.log('this process, warm, user CPU');
  const registry = defaultRegistry();
  const { rulesets, machine } = readMachine([{ name: 'bench', text }], { registry });
  const ruleset = rulesets[0]?.linked.ruleset as Ruleset;
  const explained = (answers: RuleAnswers): RuleAnswers => {
    for (const rule of answers.dead()) answers.death(rule);
    return answers;
  };
  let answers = explained(answerRules(analyse({ ruleset, machine, registry })));
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run++)
    least = Math.min(
      least,
      timed(() => {
        answers = explained(answerRules(analyse({ ruleset, machine, registry })));
      }),
    );
  line(least, 0, 'ms', 'large dump: dead rules with covers', '≤ 1 s');
  const looked = lookUp(answers);
  for (let go = 0; go < 100; go++) looked();
  const goes = 500;
  const ms = timed(() => {
    for (let go = 0; go < goes; go++) looked();
  });
  line((ms * 1000) / (goes * packetsAtOnce), 3, 'µs', 'a packet looked up in the finished set', '≤ 1 µs');
  const change = singleEdits(ruleset);
  const edited = answerEdits({ machine, registry });
  const times = Array.from({ length: 120 }, (_, n) => {
    const next = change(n, () => true);
    return timed(() => void explained(edited(next)));
  })
    .slice(20)
    .sort((a, b) => a - b);
  for (const [name, share] of [
    ['median', 0.5],
    ['nine tenths', 0.9],
    ['most', 1],
  ] as const)
    line(
      times[Math.floor(share * (times.length - 1))] ?? 0,
      0,
      'ms',
      `one rule changed, no new boundary: ${name} of ${times.length}`,
      '≤ 100 ms',
    );
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
  const services = 8250;
  const generator = sharedPath('corpus', 'make-kube-proxy.py');
  const made = existsSync(generator)
    ? spawnSync('python3', [generator, '--services', String(services)], {
        encoding: 'latin1',
        maxBuffer: 2 ** 28,
      })
    : undefined;
  if (made?.status === 0) {
    const rules = made.stdout.match(/^-A /gm)?.length ?? 0;
    const name = `make-kube-proxy.py, ${rules.toLocaleString('en')} rules: dead rules`;
    row(name, '≤ 8 s, 1.5 GB', [deadRules, file('kube-proxy.rules', made.stdout)], 1);
  } else console.log('  make-kube-proxy.py: needs python3 and the corpus in the shared data');
  if (text !== undefined) inProcess(text);
}
rmSync(folder, { recursive: true });
