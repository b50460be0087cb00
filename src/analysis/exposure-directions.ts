/** What becomes of first packets in one direction: accepted, refused, sent elsewhere. */

import type { Hook } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import { compareAddresses } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { PacketSet, PacketSpace } from '../packetset/space.ts';
import type { Analysis } from './analysis.ts';
import { type DecidedPart, decidedParts } from './deciders.ts';
import { effectOf } from './effects.ts';
import { atEntry } from './fates.ts';
import { openingPackets, ordinaryOn } from './ordinary.ts';
import type { FatePart, Road } from './road.ts';
import { createSetFinder, type SetFinder } from './set-finder.ts';
import type { Side } from './side.ts';
import type { Vocabulary } from './vocabulary.ts';

/** First packets between ordinary addresses. */
export function usualPackets(vocabulary: Vocabulary, side: Side): PacketSet {
  return vocabulary.space.and(openingPackets(vocabulary), vocabulary.describe(side, ordinaryOn(side)).may);
}

/** Fields that do not count among first packets. */
export const settledFields: readonly FieldName[] = [
  'ctState',
  'ctDirection',
  'ctStatus',
  'tcpFlags',
  'fragmentKind',
  'connmark',
];

/** Packets of one direction: accepted and refused, as they came in but for their out-interface. */
export interface Direction {
  readonly parts: readonly DecidedPart[];
  /** Finds among the parts, and among those that pass. */
  readonly among: SetFinder<DecidedPart>;
  readonly passing: SetFinder<DecidedPart>;
  /** Hooks where it is decided. */
  readonly hooks: readonly Hook[];
  /** Packets whose destination stayed as it was. */
  readonly direct: Decision;
  /** Packets that a rule has sent elsewhere. */
  readonly moved: Decision;
  /** No set ran out of nodes. */
  readonly decided: boolean;
}

/** Packets of a direction by what becomes of them. */
export interface Decision {
  readonly accepted: PacketSet;
  readonly refused: PacketSet;
}

/** A NAT rule with the packets that it may send elsewhere. */
export interface Translation {
  readonly rule: Rule;
  readonly to: string;
  readonly set: PacketSet;
}

/** One direction of a road: packets that are decided at these hooks. */
export function directionOf(
  analysis: Analysis,
  road: Road,
  within: PacketSet,
  hooks: readonly Hook[],
  only: (part: FatePart) => boolean,
): Direction {
  const { vocabulary } = analysis;
  const { space } = vocabulary;
  const open = road.name === 'arrive' ? space.forget(within, ['outInterface']) : within;
  const relation = space.atEntry(open);
  const kept = space.unchanged(['dst', 'dport']);
  let decided = true;
  const decide = (choose: (set: PacketSet) => PacketSet): Decision => {
    const sets = { accepted: [] as PacketSet[], refused: [] as PacketSet[] };
    for (const part of road.parts) {
      if (!only(part)) continue;
      const set = space.may(space.entryOf(choose(space.and(part.set, relation))));
      decided &&= space.isDecided(set);
      sets[part.visit === undefined ? 'accepted' : 'refused'].push(space.forget(set, settledFields));
    }
    return { accepted: space.union(sets.accepted), refused: space.union(sets.refused) };
  };
  const parts = decidedParts(vocabulary, road, { within: open, only });
  const direct = decide((set) => space.and(set, kept));
  const moved = decide((set) => space.diff(set, kept));
  return {
    parts,
    among: createSetFinder(space, parts),
    passing: createSetFinder(
      space,
      parts.filter((p) => p.part.visit === undefined),
    ),
    hooks,
    direct,
    moved,
    decided,
  };
}

/** Without what this machine says to itself. */
export function outsideOf({ space }: Vocabulary, d: Direction): Direction {
  const byLo = space.interface('out', { name: 'lo', exact: true });
  const without = ({ accepted, refused }: Decision): Decision => ({
    accepted: space.diff(accepted, byLo),
    refused: space.diff(refused, byLo),
  });
  // What a rule in OUTPUT translates is asked for by its first address all the same.
  const direct = without(d.direct);
  const moved = without(d.moved);
  return {
    ...d,
    direct: {
      accepted: space.or(direct.accepted, moved.accepted),
      refused: space.or(direct.refused, moved.refused),
    },
  };
}

/** Rules that send packets to another address or port, with these packets. */
export function translationsOf(
  { vocabulary, side }: Analysis,
  road: Road,
  within: PacketSet,
): readonly Translation[] {
  const { space } = vocabulary;
  const visit = road.visits.find((v) => v.table === 'nat' && v.hook === 'PREROUTING');
  if (visit === undefined) return [];
  const found: Translation[] = [];
  for (const chain of visit.analysis.model.chains.values())
    for (const { rule, changes } of chain.rules) {
      const change = changes.find((c) => c.field === 'nat');
      if (change?.field !== 'nat' || change.manip === 'source') continue;
      if (effectOf(side.ruleset, side.program.machine, side.registry, rule) === undefined) continue;
      const set = space.and(space.may(atEntry(vocabulary, visit.taking(rule), road)), within);
      if (set === space.none) continue;
      const { addresses, ports } = change.range;
      const address =
        change.from !== 'range' || addresses === undefined
          ? change.from === 'range'
            ? ''
            : 'this machine'
          : compareAddresses(addresses.low, addresses.high) === 0
            ? addressText(addresses.low)
            : `${addressText(addresses.low)}-${addressText(addresses.high)}`;
      const port = ports === undefined ? '' : `:${ports[0]}${ports[1] === ports[0] ? '' : `-${ports[1]}`}`;
      found.push({
        rule,
        to: `${address.includes(':') && port !== '' ? `[${address}]` : address}${port}`,
        set: space.forget(space.forget(set, settledFields), ['outInterface']),
      });
    }
  return found;
}

/** A direction that no packet takes. */
export function idleDirection({ none }: PacketSpace): Direction {
  const nothing: Decision = { accepted: none, refused: none };
  const nobody = (): readonly DecidedPart[] => [];
  return {
    parts: [],
    among: nobody,
    passing: nobody,
    hooks: [],
    direct: nothing,
    moved: nothing,
    decided: true,
  };
}
