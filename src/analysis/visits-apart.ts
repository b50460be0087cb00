/**
 * Every table by itself: what holds of its rules whichever packets the tables before it let through, and whatever they
 * made of them. Less exact than the roads, and small where they are not: a relation between the header before and after
 * thousands of translations is never made.
 */

import { type Hook, hooks } from '../model/netfilter.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import { maskInUse } from '../packetset/valid.ts';
import { modelTable, seenAsTheyAre } from './chain-model.ts';
import { steadyTable } from './cover-ways.ts';
import type { Kept } from './kept.ts';
import type { Side } from './side.ts';
import { analyseTable, nowOf, type Visit, visitTable } from './table-run.ts';
import { describeTracking } from './tracking.ts';
import type { Vocabulary } from './vocabulary.ts';

/** One visit for each built-in chain, of all packets that can come to a hook at all. `kept`: from an analysis before. */
export function visitsApart(side: Side, vocabulary: Vocabulary, kept?: Kept): readonly Visit[] {
  const { space, family } = vocabulary;
  const inUse = (field: FieldName): boolean => space.codec.fields.has(field);
  const without = (direction: 'in' | 'out'): PacketSet =>
    space.interface(direction, { name: '', exact: true });
  const lo = (direction: 'in' | 'out'): PacketSet => space.interface(direction, interfacePattern('lo'));
  const any = nowOf(space, space.valid, vocabulary.rewritten);
  /** Headers in states that conntrack gives them; fields that rules write may be anything by now. */
  const tracked = ((): PacketSet => {
    if (!inUse('ctState') || !side.switches.conntrack) return any;
    const header = { has: inUse, tcpFlagsMask: maskInUse(space.codec, 'tcpFlags') };
    const found = describeTracking(space, header, family);
    return space.and(any, space.forget(found, [...vocabulary.rewritten]));
  })();
  const at: Readonly<Record<Hook, (set: PacketSet) => PacketSet>> = {
    PREROUTING: (set) => space.diff(space.and(set, without('out')), without('in')),
    INPUT: (set) => space.diff(space.and(set, without('out')), without('in')),
    FORWARD: (set) => space.diff(set, space.union([without('in'), without('out'), lo('in')])),
    OUTPUT: (set) => space.diff(space.and(set, without('in')), without('out')),
    POSTROUTING: (set) => space.diff(set, without('out')),
  };
  const first = inUse('ctState')
    ? space.or(space.named('ctState', 'NEW'), space.named('ctState', 'RELATED'))
    : space.all;
  return side.ruleset.tables.flatMap((table) => {
    const own = analyseTable(
      side,
      vocabulary,
      modelTable(side, table, vocabulary, seenAsTheyAre),
      kept?.table(`${table.name} apart`),
    );
    const { analysis } = steadyTable(own);
    // Raw sees packets before they have a state, nat those without a connection that was translated before.
    const coming = table.name === 'raw' ? any : table.name === 'nat' ? space.and(tracked, first) : tracked;
    return hooks
      .filter((hook) => analysis.model.chains.has(hook))
      .map((hook) => visitTable(analysis, hook, at[hook](coming)));
  });
}
