/** Who decided: the rules and policies behind each end of the packets of a road, each with the packets that it ended. */

import type { Policy } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import type { PacketSet } from '../packetset/space.ts';
import { type ChainModel, type Ending, openEndings, type RuleModel } from './chain-model.ts';
import { atEntry } from './fates.ts';
import type { FateKind, FatePart, Road } from './road.ts';
import type { Visit } from './table-run.ts';
import type { Vocabulary } from './vocabulary.ts';

/** The rule or policy that ended packets, or let them pass last. */
export type Decider =
  | { readonly kind: 'rule'; readonly rule: Rule }
  | { readonly kind: 'policy'; readonly table: string; readonly chain: string; readonly policy: Policy };

/** Packets of one fate that one rule or policy decided about. */
export interface DecidedPart {
  readonly fate: FateKind;
  /** The part of the road that these packets belong to. */
  readonly part: FatePart;
  /** Undefined where no rule had a say: routing, or no filter table. */
  readonly by: Decider | undefined;
  /** As they came in, for some answer to what is not known. */
  readonly set: PacketSet;
}

/** One text for equal deciders; fit for keys, not for reading. */
export function deciderKey(by: Decider | undefined): string {
  if (by === undefined) return '';
  return by.kind === 'rule'
    ? `${by.rule.table} ${by.rule.chain} ${by.rule.index}`
    : `${by.table} ${by.chain} policy`;
}

const acceptedAt = { local: 'INPUT', forward: 'FORWARD', sent: 'OUTPUT' } as const;

/** The visit to table filter that let the packets of this part pass last. */
function lastFilter(road: Road, { fate, looped }: FatePart): Visit | undefined {
  const hook = acceptedAt[fate as keyof typeof acceptedAt];
  const visits = road.visits.filter((v) => v.table === 'filter');
  // On the road of this machine's own packets, what comes in again by `lo` visits its hook after OUTPUT.
  const there = visits.filter((v) => v.hook === hook).at(looped ? -1 : 0);
  return there ?? (road.name === 'local' ? visits.find((v) => v.hook === 'OUTPUT') : undefined);
}

/** Which packets of a road are asked about; what is absent is no condition. */
export interface PartFilter {
  /** By their header as they came in; a condition on the out-interface is about the one that they leave by. */
  readonly within: PacketSet;
  /** By their header at the end of their way. */
  readonly ending?: PacketSet | undefined;
  readonly only?: ((part: FatePart) => boolean) | undefined;
  /** Parts of which nobody asks who decided: they are found whole. */
  readonly whole?: ((part: FatePart) => boolean) | undefined;
}

/**
 * Packets of a road by fate and by who decided. Linear in the rules of the chains that these packets meet.
 */
export function decidedParts(
  vocabulary: Vocabulary,
  road: Road,
  { within, ending, only, whole }: PartFilter,
): readonly DecidedPart[] {
  const { space } = vocabulary;
  const found: DecidedPart[] = [];
  const relation = space.atEntry(within);
  const takers = new Map<Visit, readonly Taker[]>();
  const takersAt = (visit: Visit, how: Ending): readonly Taker[] => {
    const entering = space.and(visit.entering, relation);
    let list = policyAlone(visit, how) ? policyTaker(visit, entering) : takers.get(visit);
    if (list === undefined) {
      list = takersOf(visit, entering);
      takers.set(visit, list);
    }
    return list.flatMap(({ by, endings, set }) =>
      endings.includes(how) ? [{ by, endings, set: space.may(atEntry(vocabulary, set, road)) }] : [],
    );
  };
  for (const part of road.parts) {
    if (only?.(part) === false) continue;
    let inside = space.and(part.set, relation);
    if (ending !== undefined) inside = space.and(inside, ending);
    if (inside === space.none) continue;
    let rest = space.may(atEntry(vocabulary, inside, road));
    const visit = part.visit ?? lastFilter(road, part);
    const here = rest;
    if (part.fate !== 'route-drop' && visit !== undefined && whole?.(part) !== true)
      for (const { by, set } of takersAt(visit, part.visit ? (part.fate as Ending) : 'accept')) {
        const both = space.and(set, here);
        if (both === space.none) continue;
        found.push({ fate: part.fate, part, by, set: both });
        rest = space.diff(rest, both);
        // Nothing more is told of what ran out of nodes, and there may be a million rules.
        if (!space.isDecided(rest)) break;
      }
    if (rest !== space.none) found.push({ fate: part.fate, part, by: undefined, set: rest });
  }
  return found;
}

interface Taker {
  readonly by: Decider;
  /** How it may end them. */
  readonly endings: readonly Ending[];
  readonly set: PacketSet;
}

/** How a rule may end packets. */
function endingsOf({ action }: RuleModel): readonly Ending[] {
  switch (action.kind) {
    case 'end':
      return [action.ending];
    case 'open':
      return action.endings;
    case 'jump':
    case 'goto':
      return action.chain === undefined ? openEndings : [];
    default:
      return [];
  }
}

/** Whether no rule ends packets so, and no rule on their way changes them: only the policy does. */
function policyAlone({ analysis: { model }, hook }: Visit, how: Ending): boolean {
  const builtin = model.chains.get(hook);
  if (builtin === undefined || builtin.rewrites || builtin.loops) return false;
  return !model.order.some((chain) => chain.rules.some((rule) => endingsOf(rule).includes(how)));
}

const policyEnds = { ACCEPT: 'accept', DROP: 'drop', QUEUE: 'queue' } as const;

/** The policy, for packets of `entering` that come back out of its chain. */
function policyTaker({ analysis, table, hook, policy }: Visit, entering: PacketSet): readonly Taker[] {
  const { space } = analysis.vocabulary;
  const builtin = analysis.model.chains.get(hook);
  const returns = builtin === undefined ? undefined : analysis.summary(builtin)?.returns;
  const set = space.and(entering, returns ?? space.none);
  if (set === space.none) return [];
  return [{ by: { kind: 'policy', table, chain: hook, policy }, endings: [policyEnds[policy]], set }];
}

/** Everybody who ends packets of `entering` at this visit; the sets are relations. */
function takersOf(visit: Visit, entering: PacketSet): readonly Taker[] {
  const { analysis, table, hook, policy } = visit;
  const { space } = analysis.vocabulary;
  const { model } = analysis;
  const found: Taker[] = [];
  const add = (rule: Rule, endings: readonly Ending[], set: PacketSet): void => {
    if (set !== space.none) found.push({ by: { kind: 'rule', rule }, endings, set });
  };
  const builtin = model.chains.get(hook);
  if (builtin === undefined) return found;

  if (builtin.rewrites || builtin.loops) {
    // The header at each rule is another one: what the visit itself has noted.
    const from = space.entryOf(entering);
    const there = space.atEntry(from);
    for (const chain of model.order)
      for (const r of chain.rules) {
        const ways = endingsOf(r);
        if (ways.length > 0) add(r.rule, ways, space.and(visit.taking(r.rule), there));
      }
    const set = space.and(visit.byPolicy, there);
    const by: Decider = { kind: 'policy', table, chain: hook, policy };
    if (set !== space.none) found.push({ by, endings: [policyEnds[policy]], set });
    return found;
  }

  // Callers before callees, so that each chain is walked once with all that comes to it.
  const arrivals = new Map<ChainModel, PacketSet[]>([[builtin, [entering]]]);
  for (let i = model.order.length - 1; i >= 0; i--) {
    const chain = model.order[i] as ChainModel;
    let rest = space.union(arrivals.get(chain) ?? []);
    if (rest === space.none || chain.loops) continue;
    for (const r of chain.rules) {
      if (rest === space.none) break;
      const { action } = r;
      if (action.kind === 'continue') continue;
      const taken = space.and(rest, r.may);
      if (taken === space.none) continue;
      const ways = endingsOf(r);
      if (ways.length > 0) add(r.rule, ways, taken);
      const stays = space.diff(rest, r.must);
      if (!space.isDecided(stays)) break;
      if (action.kind === 'open') continue;
      if (action.kind !== 'jump' && action.kind !== 'goto') {
        rest = stays;
        continue;
      }
      if (action.chain === undefined) continue;
      const list = arrivals.get(action.chain) ?? [];
      arrivals.set(action.chain, list);
      list.push(taken);
      const returns = analysis.summary(action.chain)?.returns ?? space.none;
      rest = action.kind === 'jump' ? space.or(stays, space.and(taken, returns)) : stays;
    }
  }
  return [...found, ...policyTaker(visit, entering)];
}
