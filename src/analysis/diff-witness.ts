/** Shows a difference: an ordinary packet of it, walked by the engine under both rulesets. */

import { type Branch, explore } from '../engine/explore.ts';
import { emptyState, type Program } from '../engine/simulate.ts';
import { assumptionText } from '../engine/tape.ts';
import { asFirstSeen } from '../expression/first-seen.ts';
import { packetFromExpression } from '../expression/packet-expression.ts';
import { tcpFlag } from '../model/packet.ts';
import type { Trace } from '../model/trace.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import type { PacketSet } from '../packetset/space.ts';
import { maskInUse } from '../packetset/valid.ts';
import { findWitness } from '../packetset/witness.ts';
import { openingPackets, ordinaryOn } from './ordinary.ts';
import type { RoadName } from './road.ts';
import type { Side } from './side.ts';
import type { Vocabulary } from './vocabulary.ts';
import { witnessWords } from './witness-words.ts';

/** A packet that fares differently. */
export interface DiffWitness {
  /** In match options, word by word. */
  readonly packet: readonly string[];
  /** Sent by this machine itself. */
  readonly local: boolean;
  /** `KEY=VALUE` each: what leads to the end of each side, where the input does not decide. */
  readonly assume: { readonly old: readonly string[]; readonly new: readonly string[] };
  readonly old: Trace;
  readonly new: Trace;
}

/** What the walks must come to; each is told the trace of its side. */
export interface WantedEnds {
  readonly old: (trace: Trace) => boolean;
  readonly new: (trace: Trace) => boolean;
  /** What both traces must show together. */
  readonly both?: (old: Trace, now: Trace) => boolean;
  /** Whether some end is at this machine itself. */
  readonly stays: boolean;
}

/** Finds witnesses. */
export type DiffWitnessFinder = (
  road: RoadName,
  set: PacketSet,
  wanted: WantedEnds,
) => DiffWitness | undefined;

/** Interfaces that both sides speak of come first; where none is known, packets come by the most ordinary one. */
function interfaceNames(sides: readonly Side[]): readonly string[] {
  const names = sides.flatMap((side) => [
    ...side.facts.machine.outside.map((f) => f.value),
    ...side.facts.interfaces.keys(),
    ...side.program.namedInterfaces,
  ]);
  const known = [...new Set(names)].filter((name) => name !== 'lo');
  return known.length > 0 ? known : ['eth0'];
}

const branchesTried = 64;

/** Answers about the machine and the world are the same for both walks; those about single rules are not. */
function agree(a: Branch, b: Branch): boolean {
  const answers = new Map(a.trace.assumptions.map((x) => [x.key, x.answer]));
  return b.trace.assumptions.every(({ key, answer }) => {
    const other = answers.get(key);
    return other === undefined || other === answer || /^(rule|target):/.test(key);
  });
}

/** Packets that go back by the interface that they came by are the least ordinary. */
function straightFirst(branches: readonly Branch[]): readonly Branch[] {
  const turns = ({ trace: { fate, entry } }: Branch): number =>
    Number('outInterface' in fate && entry.kind === 'arrives' && entry.inInterface === fate.outInterface);
  return [...branches].sort((a, b) => turns(a) - turns(b));
}

/** Answers that matter for the end, as `fwsim trace` takes them. */
function needed({ assumptions, immaterial }: Branch): readonly string[] {
  const idle = new Set(immaterial.map((x) => x.key));
  return [...new Set(assumptions.filter((x) => !idle.has(x.key)).map(assumptionText))];
}

/** Prepares the search. The vocabulary is that of both sides, the first being the old one. */
export function diffWitnesses(vocabulary: Vocabulary, sides: readonly [Side, Side]): DiffWitnessFinder {
  const { space, family } = vocabulary;
  const [old, now] = sides;
  const names = interfaceNames(sides);
  const tracked = sides.some((s) => s.switches.conntrack);
  const routed = sides.every((s) => s.facts.fib[family] !== undefined);
  const stateInUse = space.codec.fields.has('ctState');
  const state = (name: string): PacketSet => (stateInUse ? space.named('ctState', name) : space.all);
  const ordinary = space.forget(
    vocabulary.describe(old, ordinaryOn(old)).may,
    [...vocabulary.rewritten],
    'entry',
  );
  const wishes = [
    openingPackets(vocabulary),
    state('ESTABLISHED'),
    state('INVALID'),
    state('UNTRACKED'),
    space.all,
  ];

  const walks = (program: Program, words: readonly string[], local: boolean): readonly Branch[] => {
    const made = packetFromExpression(words, {
      registry: old.registry,
      machine: program.machine,
      family,
      backend: old.ruleset.backend,
      local,
      pick: true,
      mentionedInterfaces: names,
    });
    if (!made.ok) return [];
    const { request, tape } = asFirstSeen(made.request, {});
    return explore(program, emptyState(), request.packet, request.entry, undefined, tape, {
      forks: branchesTried,
    }).branches;
  };

  // By preference, packets leave by another interface than they came by.
  const [first, second] = names;
  const across = (from: string | undefined, to: string | undefined): PacketSet =>
    from === undefined || to === undefined
      ? space.all
      : space.and(
          space.interface('in', interfacePattern(from)),
          space.interface('out', interfacePattern(to)),
        );
  const straight = [across(first, second), across(second, first)];

  const show = (words: readonly string[], local: boolean, wanted: WantedEnds): DiffWitness | undefined => {
    const before = straightFirst(walks(old.program, words, local).filter((b) => wanted.old(b.trace)));
    if (before.length === 0) return undefined;
    const after = straightFirst(walks(now.program, words, local).filter((b) => wanted.new(b.trace)));
    for (const a of before)
      for (const b of after) {
        if (!agree(a, b) || wanted.both?.(a.trace, b.trace) === false) continue;
        return {
          packet: words,
          local,
          assume: { old: needed(a), new: needed(b) },
          old: a.trace,
          new: b.trace,
        };
      }
    return undefined;
  };

  // What this machine sends has one of its addresses, unless a program asks for another.
  const ownSource = routed
    ? old.locality.known
        .filter((k) => k.types.includes('LOCAL'))
        .reduce<PacketSet>((set, { range }) => space.or(set, space.addresses('src', range)), space.none)
    : space.all;
  // Segments of established connections acknowledge something.
  const flags = maskInUse(space.codec, 'tcpFlags');
  const { SYN, ACK, FIN, RST } = tcpFlag;
  const acknowledging =
    stateInUse && flags !== 0
      ? space.or(
          space.not(space.named('ctState', 'ESTABLISHED')),
          space.bits('tcpFlags', ACK & flags, (SYN | ACK | FIN | RST) & flags),
        )
      : space.all;

  return (road, set, wanted) => {
    const tried = new Set<string>();
    // A difference that holds whatever is not known is shown without assumptions, if there is one.
    const certain = space.must(set);
    for (const wish of wishes) {
      const found = findWitness(space, set, {
        wishes: [
          wish,
          ordinary,
          ...(road === 'local' ? [ownSource] : []),
          certain,
          acknowledging,
          ...straight,
        ],
        interfaceNames: names,
      });
      if (found === undefined) return undefined;
      const local = road === 'local';
      const outside = found.fields.get('outInterface');
      // Where no routes are known, a packet may be for any interface that the difference asks for.
      const leaving =
        !local && !routed && typeof outside === 'string' && outside !== '' ? ['-o', outside] : [];
      const words = witnessWords(vocabulary, found, road, tracked);
      const aside = [...words, ...leaving];
      for (const asked of leaving.length === 0 ? [words] : wanted.stays ? [words, aside] : [aside, words]) {
        const key = asked.join(' ');
        if (tried.has(key)) continue;
        tried.add(key);
        const shown = show(asked, local, wanted);
        if (shown !== undefined) return shown;
      }
    }
    return undefined;
  };
}
