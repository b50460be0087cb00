/** Pairs of rules of one chain that decide some packets differently: what order is about. */

import type { Chain, Rule } from '../../../model/ruleset.ts';
import type { CheckContext, RulesetView } from '../../check.ts';
import { type Decision, decisions } from './decisions.ts';

/** Two live rules that both describe some packets, and decide them differently. */
export interface Overlap {
  readonly earlier: Rule;
  readonly later: Rule;
  /** Whether the later describes all packets of the earlier, and others. */
  readonly within: boolean;
}

/** Longer chains are not looked at pair by pair. */
const rulesMax = 400;

/** For each rule, the nearest one before it that it overlaps with. Quadratic in rules of a chain, up to 400. */
export function* overlapsIn(context: CheckContext, view: RulesetView, chain: Chain): Generator<Overlap> {
  if (chain.rules.length > rulesMax) return;
  const { analysis, standing } = context.answers(view);
  const { space } = analysis.vocabulary;
  const known: {
    readonly rule: Rule;
    readonly may: ReturnType<typeof space.and>;
    readonly decision: Decision;
  }[] = [];
  for (const rule of chain.rules) {
    const [decision, ...others] = decisions(view, rule);
    if (decision === undefined || others.length > 0 || standing(rule) !== 'live') continue;
    const { may, must } = analysis.vocabulary.matches(analysis.side, rule);
    // What may match or not is no set to compare.
    if (may !== must) continue;
    const own = space.and(may, space.valid);
    const other = known.findLast((k) => k.decision !== decision && !space.disjoint(k.may, own));
    known.push({ rule, may: own, decision });
    if (other === undefined || space.implies(own, other.may)) continue;
    yield { earlier: other.rule, later: rule, within: space.implies(other.may, own) };
  }
}
