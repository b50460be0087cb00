/**
 * `npm run fixes [-- [--unsafe] [--load] [NAME]]`: mends every dump of the corpus beside the
 * project, of rules-examples and of the bad examples of checks, and tells where a promise does not hold: a second run
 * finds something to do, a finding has come, or (`--load`, as root) what loaded before does not load any more.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpusNames, readCorpusFile } from '../../src/dev/corpus-files.ts';
import { type FixResult, fixMachine } from '../../src/fixing.ts';
import type { ReadMachine, ReadRuleset } from '../../src/link/read-machine.ts';
import { printRuleset } from '../../src/link/rule-text.ts';
import { checks, defaultRegistry, type LintResult } from '../../src/linting.ts';
import { createIpsets, type LoadJob, type LoadResult, loadRulesets } from '../support/kernel.ts';

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

/**
 * Loads the dump as it was and as it is now: as it stands, or, where that is no text for one iptables-restore (two
 * families, context, spellings of old), what fwsim prints of each family.
 */
function loadsAsBefore(dump: Dump, { first, last }: FixResult, text: string): void {
  const jobOf = (rules: string, family: 4 | 6): LoadJob => ({
    text: rules,
    family,
    ipsets: createIpsets(rules, family),
  });
  const familyOf = ({ linked }: ReadRuleset): 4 | 6 => (linked.ruleset.family === 'ipv4' ? 4 : 6);
  const [only, ...others] = first.read.rulesets;
  if (only !== undefined && others.length === 0) {
    const family = familyOf(only);
    const [before, after] = loadRulesets([jobOf(dump.text, family), jobOf(text, family)]);
    if (before?.loaded) {
      told(dump, 'as it stands', after);
      return;
    }
  }
  const printed = (read: ReadMachine): LoadJob[] =>
    read.rulesets.map((r) => jobOf(printRuleset(r.linked.ruleset), familyOf(r)));
  const before = loadRulesets(printed(first.read));
  const after = loadRulesets(printed(last.read));
  for (const [index, { loaded, message }] of before.entries())
    if (loaded) told(dump, 'printed', after[index]);
    else {
      add('did not load before');
      if (process.env['VERBOSE']) say(`${dump.name}: did not load before: ${message.split('\n')[0]}`);
    }
}

function told(dump: Dump, how: string, after: LoadResult | undefined): void {
  add(`loaded before, ${how}`);
  if (after?.loaded) add(`loads after, ${how}`);
  else {
    broken++;
    say(`${dump.name}: does not load any more, ${how}: ${after?.message}`);
  }
}

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
  if (load) loadsAsBefore(dump, result, text);
}
for (const [key, count] of [...totals].sort()) say(`${String(count).padStart(6)} ${key}`);
process.exitCode = broken === 0 ? 0 : 1;
