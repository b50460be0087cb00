/**
 * `npm run fixes [-- [--unsafe] [--load] [NAME]]`: mends every dump of the corpus beside the
 * project, of rules-examples and of the bad examples of checks, and tells where a promise does not hold: a second run
 * finds something to do, a finding has come, or (`--load`, as root) what loaded before does not load any more.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpusNames, readCorpusFile } from '../../src/dev/corpus-files.ts';
import { type FixResult, fixMachine } from '../../src/fixing.ts';
import { checks, defaultRegistry, type LintResult } from '../../src/linting.ts';
import { type LoadJob, loadRulesets } from '../support/kernel.ts';

const args = process.argv.slice(2);
const unsafe = args.includes('--unsafe');
const load = args.includes('--load');
const wanted = args.find((arg) => !arg.startsWith('--'));
const root = process.cwd();

interface Dump {
  readonly name: string;
  readonly text: string;
  readonly context?: string | undefined;
}

function* dumps(): Generator<Dump> {
  for (const check of checks)
    for (const { title, rules, context } of check.examples.bad)
      yield { name: `${check.code} ${title}`, text: rules, context };
  const examples = join(root, 'rules-examples');
  for (const file of readdirSync(examples).filter((name) => name.endsWith('.rules')))
    yield { name: `rules-examples/${file}`, text: readFileSync(join(examples, file), 'utf8') };
  const corpus = join(root, '..', 'shared', 'corpus');
  if (!existsSync(corpus)) return;
  for (const name of corpusNames(corpus)) yield { name, text: readCorpusFile(corpus, name).text };
}

function mend({ text, context }: Dump): FixResult {
  const texts = [
    { name: 'dump', text },
    ...(context === undefined ? [] : [{ name: 'context', text: context }]),
  ];
  const options = { registry: defaultRegistry(), checks, presets: ['all'], preview: true } as const;
  return fixMachine(texts, options, { unsafe });
}

/** What is told with a finding is counted as well: it was there before that one went. */
const countsOf = (result: LintResult): Map<string, number> => {
  const counts = new Map<string, number>();
  const undecided = result.read.rulesets.some((r) => r.linked.familyUndecided);
  // Where nothing says which family a text is of, what only the less likely reading gives is none.
  const told = result.findings.filter(({ family }) => !undecided || family !== 'ipv6');
  for (const finding of told)
    for (const { code, severity } of [finding, ...(finding.explains ?? [])])
      if (!unsafe || severity !== 'info') counts.set(code, (counts.get(code) ?? 0) + 1);
  return counts;
};

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const totals = new Map<string, number>();
const add = (key: string, n = 1): void => void totals.set(key, (totals.get(key) ?? 0) + n);
let broken = 0;

for (const dump of dumps()) {
  if (wanted !== undefined && !dump.name.includes(wanted)) continue;
  const started = performance.now();
  const result = mend(dump);
  add('dumps');
  const seconds = (performance.now() - started) / 1000;
  if (seconds > 20) say(`${dump.name}: ${seconds.toFixed(0)} s`);
  const applied = [...result.safe, ...result.unsafe];
  for (const { finding, fix } of applied) add(`${fix.applicability} ${finding.code}`);
  for (const { finding, fix, why } of result.left) {
    add(`left ${finding.code}: ${why}`);
    if (process.env['VERBOSE']) say(`${dump.name}: left ${finding.code} ${fix.title}: ${why}`);
  }
  if (applied.length === 0) continue;
  add('changed dumps');
  const text = result.texts[0]?.text ?? '';
  const old = countsOf(result.first);
  for (const [code, count] of countsOf(result.last))
    if (count > (old.get(code) ?? 0)) {
      broken++;
      const how = applied.map(({ finding, fix }) => `${finding.code} ${fix.title}`).slice(0, 6);
      say(`${dump.name}: brings ${code} (${old.get(code) ?? 0} -> ${count}) by ${how.join('; ')}`);
    }
  const again = mend({ ...dump, text });
  for (const { finding, fix } of [...again.safe, ...again.unsafe]) {
    broken++;
    say(`${dump.name}: a second run has ${finding.code} ${fix.title}`);
  }
  const [only, ...others] = result.first.read.rulesets;
  if (load && only !== undefined && others.length === 0) {
    const family = only.linked.ruleset.family === 'ipv4' ? 4 : 6;
    const [before, after] = loadRulesets(
      [dump.text, text].map((rules): LoadJob => ({ text: rules, family })),
    );
    if (!before?.loaded) continue;
    add('loaded before');
    if (after?.loaded) add('loads after');
    else {
      broken++;
      say(`${dump.name}: does not load any more: ${after?.message}`);
    }
  }
}
for (const [key, count] of [...totals].sort()) say(`${String(count).padStart(6)} ${key}`);
process.exitCode = broken === 0 ? 0 : 1;
