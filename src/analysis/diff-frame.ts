/**
 * One road of one side, said in the packets that two sides have in common: as they came in, with the interface by
 * which they leave where they come so far.
 *
 * The out-interface belongs to these packets because routing is the same on both sides, whatever the rules: "forwarded
 * to eth1" is a kind of packet here. Packets that end before they are routed are meant with every out-interface.
 */

import type { Hook } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { ChainModel, Ending, RuleModel } from './chain-model.ts';
import type { FatePart, Road, Roads } from './road.ts';
import { takenBy } from './summary.ts';
import type { Visit } from './table-run.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What decides about a packet. `routing`: no rule, but the routing code. `none`: no rule and no policy had a say. */
export type Decider =
  | { readonly kind: 'rule'; readonly rule: Rule }
  | { readonly kind: 'policy'; readonly table: string; readonly chain: Hook; readonly policy: string }
  | { readonly kind: 'routing' }
  | { readonly kind: 'none' };

/** The packets that one decider decides about. */
export interface Decided {
  readonly decider: Decider;
  readonly set: PacketSet;
}

/** See the head of this file. */
export interface Frame {
  readonly vocabulary: Vocabulary;
  readonly roads: Roads;
  readonly road: Road;
  /** All packets of the road. */
  readonly entering: PacketSet;
  /** A relation, with interfaces as the head of this file says. */
  relation(set: PacketSet): PacketSet;
  /** The packets of a relation. */
  packets(set: PacketSet): PacketSet;
  /** Of these packets, those that each wanted rule of a visit may take, and those left to the policy. */
  takers(
    visit: Visit,
    packets: PacketSet,
    wanted: (r: RuleModel) => boolean,
  ): { readonly rules: readonly Decided[]; readonly policy: PacketSet };
}

/** Prepares a road; it is walked if it was not. */
export function createFrame(roads: Roads, name: Road['name']): Frame {
  const { vocabulary } = roads;
  const { space } = vocabulary;
  const road = roads.road(name);
  const noOut = space.interface('out', { name: '', exact: true });
  const rerouted = (['dst', 'mark', 'tos'] as const).some((f) => vocabulary.rewritten.has(f));

  const relation = (set: PacketSet): PacketSet => {
    const some = name === 'local' ? space.forget(set, ['inInterface']) : set;
    const unrouted = space.and(some, noOut);
    if (unrouted === space.none) return some;
    return space.or(space.diff(some, noOut), space.forget(unrouted, ['outInterface']));
  };
  const packets = (set: PacketSet): PacketSet => relation(space.entryOf(set));

  /** Relations at a hook that began as one of these packets. */
  const at = (hook: Hook, set: PacketSet): PacketSet => {
    const before = hook === 'PREROUTING' || hook === 'INPUT' || (hook === 'OUTPUT' && rerouted);
    return space.atEntry(before ? space.forget(set, ['outInterface']) : set);
  };

  const takers: Frame['takers'] = (visit, wantedPackets, wanted) => {
    const { model } = visit.analysis;
    const limit = at(visit.hook, wantedPackets);
    const found = new Map<Rule, PacketSet>();
    const record = (r: RuleModel, set: PacketSet): void => {
      if (!wanted(r)) return;
      const before = found.get(r.rule);
      const here = space.and(packets(set), wantedPackets);
      if (here === space.none) return;
      found.set(r.rule, before === undefined ? here : space.or(before, here));
    };
    const arrivals = new Map<ChainModel, PacketSet[]>();
    const send = (chain: ChainModel | undefined, set: PacketSet): void => {
      if (chain === undefined || set === space.none) return;
      const list = arrivals.get(chain);
      if (list === undefined) arrivals.set(chain, [set]);
      else list.push(set);
    };
    const builtin = model.chains.get(visit.hook);
    if (builtin !== undefined) send(builtin, space.and(visit.entering, limit));
    // Callers before callees.
    for (let i = model.order.length - 1; i >= 0; i--) {
      const chain = model.order[i] as ChainModel;
      const here = space.union(arrivals.get(chain) ?? []);
      if (here === space.none || chain.loops) continue;
      if (chain.rewrites) {
        for (const r of chain.rules) {
          const calls = r.action.kind === 'jump' || r.action.kind === 'goto';
          if (!calls && !wanted(r)) continue;
          const taken = space.and(space.and(visit.reaching(r.rule), limit), r.may);
          if (taken === space.none) continue;
          record(r, taken);
          if ('chain' in r.action) send(r.action.chain, taken);
        }
        continue;
      }
      // What comes to each rule of such a chain was worked out for all packets: these are some of them.
      const summary = visit.analysis.summary(chain);
      if (summary === undefined) continue;
      for (const r of chain.rules) {
        const callee = 'chain' in r.action ? r.action.chain : undefined;
        if (callee === undefined && !wanted(r)) continue;
        const all = takenBy(summary, r, space);
        if (space.disjoint(here, all)) continue;
        const taken = space.and(here, all);
        record(r, taken);
        send(callee, taken);
      }
    }
    const policy = space.and(packets(space.and(visit.byPolicy, limit)), wantedPackets);
    return { rules: [...found].map(([rule, set]) => ({ decider: { kind: 'rule', rule }, set })), policy };
  };

  return {
    vocabulary,
    roads,
    road,
    entering: space.forget(packets(road.entering), ['outInterface']),
    relation,
    packets,
    takers,
  };
}

const policyEndings: Readonly<Record<string, Ending>> = { ACCEPT: 'accept', DROP: 'drop', QUEUE: 'queue' };

/** Who lets these packets end so at a visit. `text`: of rules, only those whose target is written so. */
export function endersAt(
  frame: Frame,
  visit: Visit,
  ending: Ending,
  packets: PacketSet,
  text?: (r: RuleModel) => boolean,
): readonly Decided[] {
  const { space } = frame.vocabulary;
  const ends = ({ action }: RuleModel): boolean =>
    (action.kind === 'end' && action.ending === ending) ||
    (action.kind === 'open' && action.endings.includes(ending));
  const { rules, policy } = frame.takers(visit, packets, (r) => ends(r) && text?.(r) !== false);
  if (policyEndings[visit.policy] !== ending || policy === space.none) return rules;
  const { table, hook } = visit;
  return [...rules, { decider: { kind: 'policy', table, chain: hook, policy: visit.policy }, set: policy }];
}

/** Parts of a road that ended so. */
export function partsOf({ road }: Frame, fate: FatePart['fate']): readonly FatePart[] {
  return road.parts.filter((part) => part.fate === fate);
}

/** Adds those that nobody decided about. */
export function withRest(frame: Frame, found: readonly Decided[], packets: PacketSet): readonly Decided[] {
  const { space } = frame.vocabulary;
  const rest = space.diff(packets, space.union(found.map((d) => d.set)));
  return rest === space.none ? found : [...found, { decider: { kind: 'none' }, set: rest }];
}
