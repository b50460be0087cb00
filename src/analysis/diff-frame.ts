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
  /**
   * Of these packets, those that each wanted rule of a visit may take, and those left to the policy.
   * `part`: of what a rule may take, what counts; default: all of it.
   */
  takers(
    visit: Visit,
    packets: PacketSet,
    wanted: (r: RuleModel) => boolean,
    part?: (r: RuleModel, taken: PacketSet) => PacketSet,
  ): Takers;
}

/** See {@link Frame.takers}. */
export interface Takers {
  readonly rules: readonly { readonly model: RuleModel; readonly set: PacketSet }[];
  readonly policy: PacketSet;
}

/** What comes to a chain at a visit. */
interface Arriving {
  /** Packets that are as they came in, without their second copy: relations have several times as many nodes. */
  readonly plain: PacketSet;
  /** The relation of the others. */
  readonly moved: PacketSet;
}

/** Prepares a road; it is walked if it was not. */
export function createFrame(roads: Roads, name: Road['name']): Frame {
  const { vocabulary } = roads;
  const { space } = vocabulary;
  const road = roads.road(name);
  const noOut = space.interface('out', { name: '', exact: true });

  const relation = (set: PacketSet): PacketSet => {
    const some = name === 'local' ? space.forget(set, ['inInterface']) : set;
    if (space.disjoint(some, noOut)) return some;
    return space.or(space.diff(some, noOut), space.forget(space.and(some, noOut), ['outInterface']));
  };
  const packets = (set: PacketSet): PacketSet => relation(space.entryOf(set));

  const walked = new Map<Visit, ReadonlyMap<ChainModel, Arriving>>();
  const arrivingAt = (visit: Visit): ReadonlyMap<ChainModel, Arriving> => {
    let found = walked.get(visit);
    if (found === undefined) {
      found = walkOf(visit);
      walked.set(visit, found);
    }
    return found;
  };

  /** Sends what enters a visit through its chains. */
  const walkOf = (visit: Visit): ReadonlyMap<ChainModel, Arriving> => {
    const { model } = visit.analysis;
    const plain = new Map<ChainModel, PacketSet[]>();
    const moved = new Map<ChainModel, PacketSet[]>();
    const send = (to: typeof plain, chain: ChainModel | undefined, set: PacketSet): void => {
      if (chain === undefined || set === space.none) return;
      const list = to.get(chain);
      if (list === undefined) to.set(chain, [set]);
      else list.push(set);
    };
    const builtin = model.chains.get(visit.hook);
    if (builtin?.rewrites === false) {
      const same = space.and(visit.entering, space.unchanged());
      send(plain, builtin, space.entryOf(same));
      send(moved, builtin, space.diff(visit.entering, same));
    } else send(moved, builtin, visit.entering);
    const arriving = new Map<ChainModel, Arriving>();
    // Callers before callees.
    for (let i = model.order.length - 1; i >= 0; i--) {
      const chain = model.order[i] as ChainModel;
      const here = { plain: space.union(plain.get(chain) ?? []), moved: space.union(moved.get(chain) ?? []) };
      if (chain.loops || (here.plain === space.none && here.moved === space.none)) continue;
      arriving.set(chain, here);
      const summary = chain.rewrites ? undefined : visit.analysis.summary(chain);
      for (const r of chain.rules) {
        if (!('chain' in r.action)) continue;
        if (summary === undefined) {
          send(moved, r.action.chain, visit.taking(r.rule));
          continue;
        }
        const all = takenBy(summary, r, space);
        send(plain, r.action.chain, space.and(here.plain, all));
        send(moved, r.action.chain, space.and(here.moved, all));
      }
    }
    return arriving;
  };

  const takers: Frame['takers'] = (visit, wantedPackets, wanted, part = (_, taken) => taken) => {
    const rules: { model: RuleModel; set: PacketSet }[] = [];
    for (const [chain, { plain, moved }] of arrivingAt(visit)) {
      const some = chain.rules.filter(wanted);
      if (some.length === 0) continue;
      const here = space.or(relation(plain), packets(moved));
      if (!chain.rewrites && space.disjoint(here, wantedPackets)) continue;
      // What comes to each rule of a chain that rewrites nothing was worked out for all packets: these are some of them.
      const summary = chain.rewrites ? undefined : visit.analysis.summary(chain);
      for (const r of some) {
        const all = part(r, summary === undefined ? visit.taking(r.rule) : takenBy(summary, r, space));
        const set =
          summary === undefined
            ? packets(all)
            : space.or(relation(space.and(plain, all)), packets(space.and(moved, all)));
        const these = space.and(set, wantedPackets);
        if (these !== space.none) rules.push({ model: r, set: these });
      }
    }
    return { rules, policy: space.and(packets(visit.byPolicy), wantedPackets) };
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

/** Whether the rule may end packets so. */
export function endsSo({ action }: RuleModel, ending: Ending): boolean {
  return (
    (action.kind === 'end' && action.ending === ending) ||
    (action.kind === 'open' && action.endings.includes(ending))
  );
}

/** A rule as a decider. */
export function decidedByRule({ model, set }: Takers['rules'][number]): Decided {
  return { decider: { kind: 'rule', rule: model.rule }, set };
}

/** The policy of a visit as the decider about these packets, of which there are some, if it ends them so. */
export function decidedByPolicy(visit: Visit, ending: Ending, set: PacketSet): readonly Decided[] {
  if (policyEndings[visit.policy] !== ending) return [];
  const { table, hook, policy } = visit;
  return [{ decider: { kind: 'policy', table, chain: hook, policy }, set }];
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
