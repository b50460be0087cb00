/** A gateway of thousands of rules with one rule changed, in many ways. */
import type { Rule, Ruleset } from '../../src/model/ruleset.ts';
import { withChain } from '../../test/support/ruleset-edits.ts';

/** The ruleset with one of the wanted rules turned, gone, or another one in front of it: `n` says which and how. */
export type SingleEdit = (n: number, wanted: (rule: Rule) => boolean) => Ruleset;

/** See {@link SingleEdit}. */
export function singleEdits(ruleset: Ruleset): SingleEdit {
  const chains = ruleset.tables.flatMap((t) => t.chains.filter((c) => c.rules.length > 0));
  const rules = chains.flatMap((c) => c.rules);
  const turned = (rule: Rule): Rule => {
    const verdict = rule.target.kind === 'verdict' && rule.target.verdict === 'ACCEPT' ? 'DROP' : 'ACCEPT';
    return { ...rule, target: { kind: 'verdict', verdict } };
  };
  return (n, wanted) => {
    const some = rules.filter(wanted);
    const rule = some[Math.floor(((n * 0.618034) % 1) * some.length)] as Rule;
    const chain = chains.find((c) => c.table === rule.table && c.name === rule.chain);
    if (chain === undefined) return ruleset;
    const { index } = rule;
    const next =
      n % 3 === 0
        ? chain.rules.with(index, turned(rule))
        : n % 3 === 1
          ? chain.rules.toSpliced(index, 1)
          : chain.rules.toSpliced(index, 0, rules[(n * 977) % rules.length] as Rule);
    return withChain(ruleset, chain, { rules: next });
  };
}
