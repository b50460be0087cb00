/**
 * Dead rules with their covers after one rule was changed, on a gateway of 5,556 rules: the answers of one edit after
 * the other, and the first answer. The bars: 100 ms where no new boundary appears, 1.5 s else. User CPU of this process.
 *
 * The gateway is the dump of the shared data (`FWSIM_SHARED`).
 */
import { answerEdits } from '../src/analysis/edits.ts';
import { answerRules } from '../src/analysis/rule-answers.ts';
import { defaultRegistry, readMachine } from '../src/index.ts';
import type { Rule, Ruleset } from '../src/model/ruleset.ts';
import { withChain } from '../test/support/ruleset-edits.ts';
import { largeDump } from './support/large-dump.ts';
import { singleEdits } from './support/single-edits.ts';

const cpuMs = (): number => process.cpuUsage().user / 1000;

/** Prints how the times are spread. */
function tell(name: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0).padStart(5);
  console.log(`  ${at(0)} ${at(0.5)} ${at(0.9)} ${at(1)} ms  ${name} (${times.length})`);
}

const text = largeDump();
if (text === undefined) console.log('edits: needs the corpus in the shared data');
else {
  const registry = defaultRegistry();
  const { rulesets, machine } = readMachine([{ name: 'bench', text }], { registry });
  const ruleset = rulesets[0]?.linked.ruleset as Ruleset;
  const answers = answerEdits({ machine, registry });
  const ask = (edited: Ruleset): number => {
    const start = cpuMs();
    const found = answers(edited);
    for (const rule of found.dead()) found.death(rule);
    return cpuMs() - start;
  };
  const change = singleEdits(ruleset);
  const rows = (count: number, wanted: (rule: Rule) => boolean): number[] =>
    Array.from({ length: count }, (_, n) => ask(change(n, wanted)));
  console.log('dead rules after one change of 5,556: least, median, nine tenths, most');
  tell('the first answer', [ask(ruleset)]);
  rows(20, () => true);
  tell(
    'a rule anywhere turned, gone or put in',
    rows(120, () => true),
  );
  tell(
    'a rule of FORWARD, through which all goes',
    rows(30, (r) => r.chain === 'FORWARD'),
  );
  const fresh: number[] = [];
  for (let n = 0; n < 12; n++) {
    const edited = change(3 * n, (r) => r.base.src !== undefined);
    const [filter] = edited.tables.filter((t) => t.name === 'filter');
    const [chain] = filter?.chains.filter((c) => c.name === 'FORWARD') ?? [];
    const [rule] = chain?.rules.filter((r) => r.base.dst !== undefined) ?? [];
    if (chain === undefined || rule?.base.dst === undefined) continue;
    const { dst } = rule.base;
    const w3 = (0xc6336400 + 8 * n) >>> 0;
    const value = { address: { ...dst.value.address, w3 }, mask: { ...dst.value.mask, w3: 0xffffffff } };
    const own: Rule = { ...rule, base: { ...rule.base, dst: { ...dst, value } } };
    fresh.push(ask(withChain(edited, chain, { rules: [...chain.rules, own] })));
  }
  tell('a rule with an address that is new', fresh);
  const { analysis } = answers(ruleset);
  console.log(
    `  ${(analysis.vocabulary.space.bytes / 1e6).toFixed(0)} MB of nodes and tables after all this`,
  );
  const start = cpuMs();
  const again = answerEdits({ machine, registry })(ruleset);
  for (const rule of again.dead()) again.death(rule);
  console.log(
    `  ${(cpuMs() - start).toFixed(0).padStart(5)} ms  all rules anew, warm (${answerRules(again.analysis).dead().length} dead)`,
  );
}
