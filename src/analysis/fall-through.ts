/** What would become of packets if they went on from a place in a chain: what deleting a rule, or a goto, is about. */

import type { Rule } from '../model/ruleset.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { ChainModel, Ending, RuleModel } from './chain-model.ts';
import type { Visit } from './table-run.ts';

/** One end of such packets. `by` undefined: the policy. `return`: at the end of a chain of the user's own. */
export interface FallThrough {
  readonly ending: Ending | 'return';
  readonly by: Rule | undefined;
  readonly set: PacketSet;
}

/**
 * The ends of `set` from the rule with this index on, in the order of the rules. Undefined where rules change packets,
 * where jumps lead in a circle, or where a target is not known. Linear in rules.
 */
export function fallThrough(
  visit: Visit,
  chain: ChainModel,
  from: number,
  set: PacketSet,
): readonly FallThrough[] | undefined {
  const { analysis } = visit;
  const { space } = analysis.vocabulary;
  if (chain.rewrites || chain.loops || !space.isDecided(set)) return undefined;
  const found: FallThrough[] = [];
  const atEnd = chain.chain.hook === undefined ? ('return' as const) : policyEnding(visit);
  const end = (ending: Ending | 'return', by: Rule, part: PacketSet): void => {
    if (part === space.none) return;
    const policy = ending === 'return' && chain.chain.hook !== undefined;
    found.push(policy ? { ending: atEnd, by: undefined, set: part } : { ending, by, set: part });
  };
  let rest = set;
  for (let i = from; i < chain.rules.length && rest !== space.none; i++) {
    const { rule, may, must, action } = chain.rules[i] as RuleModel;
    if (action.kind === 'continue' || space.disjoint(rest, may)) continue;
    const taken = space.and(rest, may);
    const stays = space.diff(rest, must);
    switch (action.kind) {
      case 'open':
        return undefined;
      case 'end':
        end(action.ending, rule, taken);
        rest = stays;
        break;
      case 'return':
        end('return', rule, taken);
        rest = stays;
        break;
      case 'jump':
      case 'goto': {
        const summary = action.chain && analysis.summary(action.chain);
        if (summary === undefined) return undefined;
        for (const [ending, part] of summary.ends) end(ending, rule, space.and(taken, part));
        const back = space.and(taken, summary.returns);
        if (action.kind === 'goto') end('return', rule, back);
        rest = action.kind === 'goto' ? stays : space.or(stays, back);
      }
    }
  }
  if (rest !== space.none) found.push({ ending: atEnd, by: undefined, set: rest });
  return found;
}

/** What the policy of the visited chain does. */
export function policyEnding({ policy }: Visit): Ending {
  return policy === 'DROP' ? 'drop' : policy === 'QUEUE' ? 'queue' : 'accept';
}
