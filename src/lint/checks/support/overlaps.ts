/** Pairs of rules of one chain that decide some packets differently: what order is about. */

import type { RuleModel } from '../../../analysis/chain-model.ts';
import type { TableAnalysis, Visit } from '../../../analysis/table-run.ts';
import type { Chain, Rule } from '../../../model/ruleset.ts';
import type { PacketSet } from '../../../packetset/space.ts';
import type { CheckContext, RulesetView } from '../../check.ts';
import { type Decision, decisionOf, decisions } from './decisions.ts';

/** Two live rules that both decide some packets that come to the first of them, and decide them differently. */
export interface Overlap {
  readonly earlier: Rule;
  readonly later: Rule;
  /** Whether the later decides all packets that the earlier would, and others. */
  readonly within: boolean;
}

/** Longer chains are not looked at pair by pair. */
const rulesMax = 400;

/** For each rule, the nearest one before it that it overlaps with. Quadratic in rules of a chain, up to 400. */
export function* overlapsIn(context: CheckContext, view: RulesetView, chain: Chain): Generator<Overlap> {
  const [first] = chain.rules;
  if (first === undefined || chain.rules.length > rulesMax) return;
  const { standing, visitsOf } = context.answers(view);
  const visits = visitsOf(first);
  const table = visits[0]?.analysis;
  const model = table?.model.chains.get(chain.name);
  if (table === undefined || model === undefined) return;
  const { space } = table.vocabulary;
  const known: {
    readonly rule: Rule;
    readonly decided: PacketSet;
    readonly decision: Decision;
    readonly reaching: readonly PacketSet[];
  }[] = [];
  for (const r of model.rules) {
    const { rule } = r;
    const [decision, ...others] = decisions(view, rule);
    if (decision === undefined || others.length > 0 || standing(rule) !== 'live') continue;
    const decided = decidedBy(table, r);
    if (decided === undefined || decided === space.none) continue;
    const other = known.findLast((k) => {
      if (k.decision === decision || space.disjoint(k.decided, decided)) return false;
      const both = space.and(k.decided, decided);
      return k.reaching.some((set) => !space.disjoint(set, both));
    });
    known.push({ rule, decided, decision, reaching: visits.map((visit: Visit) => visit.reaching(rule)) });
    if (other === undefined || space.implies(decided, other.decided)) continue;
    yield { earlier: other.rule, later: rule, within: space.implies(other.decided, decided) };
  }
}

/** The packets that a rule surely decides; what a jump leads to may decide few of those that jump. Undefined: not known. */
function decidedBy(table: TableAnalysis, { may, must, action }: RuleModel): PacketSet | undefined {
  const { space } = table.vocabulary;
  // What may match or not is no set to compare.
  if (may !== must) return undefined;
  const described = space.and(may, space.valid);
  if (action.kind !== 'jump' && action.kind !== 'goto') return described;
  const summary = action.chain && table.summary(action.chain);
  if (summary === undefined) return undefined;
  const ends = [...summary.ends].flatMap(([ending, set]) => (decisionOf(ending) === undefined ? [] : [set]));
  return space.diff(space.and(described, space.union(ends)), summary.returns);
}
