/** Shows that packets of a set end as was said: finds an ordinary one and has the engine walk it. */

import { decidedBy } from '../engine/decided-by.ts';
import { explore } from '../engine/explore.ts';
import { emptyState } from '../engine/simulate.ts';
import { assumptionText } from '../engine/tape.ts';
import { asFirstSeen } from '../expression/first-seen.ts';
import { packetFromExpression } from '../expression/packet-expression.ts';
import { tcpFlag } from '../model/packet.ts';
import type { Assumption, PolicyRef, RuleRef, Trace } from '../model/trace.ts';
import type { PacketSet } from '../packetset/space.ts';
import { maskInUse } from '../packetset/valid.ts';
import { findWitness } from '../packetset/witness.ts';
import { type Decider, deciderKey } from './deciders.ts';
import { openingPackets } from './ordinary.ts';
import type { FateKind, RoadName } from './road.ts';
import type { Side } from './side.ts';
import type { Vocabulary } from './vocabulary.ts';
import { witnessWords } from './witness-words.ts';

/** A packet that the engine has walked: what `fwsim trace` is to be told to see it. */
export interface WalkedWitness {
  /** The packet in match options, word by word. */
  readonly packet: readonly string[];
  /** Sent by this machine itself. */
  readonly local: boolean;
  /** `KEY=VALUE` each: what leads this way, where the input does not decide. */
  readonly assume: readonly string[];
  readonly trace: Trace;
  readonly by: RuleRef | PolicyRef | undefined;
}

/** What a walk must come to. */
export interface WantedEnd {
  readonly fate: FateKind;
  /** Absent: whoever decides. */
  readonly by?: Decider | undefined;
  /** What else must hold. */
  readonly holds?: (trace: Trace) => boolean;
}

/** Finds and walks packets of one side. */
export interface WitnessWalker {
  /**
   * A packet of `set` (as packets come in) that ends as wanted, under some answers to what is not known; undefined if
   * none was found among a few.
   */
  find(road: RoadName, set: PacketSet, wanted: WantedEnd): WalkedWitness | undefined;
}

/** Ends of the engine by the ends of sets. */
function isFate(trace: Trace, fate: FateKind): boolean {
  const { kind } = trace.fate;
  if (fate === 'route-drop') return kind === 'route-drop' || kind === 'send-error';
  if (fate === 'drop') return kind === 'drop' || kind === 'hook-drop';
  return kind === fate;
}

function keyOf(by: RuleRef | PolicyRef | undefined): string {
  if (by === undefined) return '';
  return 'policy' in by ? `${by.table} ${by.chain} policy` : `${by.table} ${by.chain} ${by.number - 1}`;
}

/** Answers that a reader has to give; what follows from the way that a packet comes, `fwsim trace` knows itself. */
function given(assumptions: readonly Assumption[]): readonly string[] {
  return [...new Set(assumptions.map(assumptionText))];
}

/** Interface names to choose from: the machine's, or those that rules name. */
function interfaceNamesOf(side: Side): readonly string[] {
  const outside = side.facts.machine.outside.map((f) => f.value);
  const known = [...side.facts.interfaces.keys()];
  const names = known.length > 0 ? known : side.program.namedInterfaces;
  return [...new Set([...outside, ...names])].filter((n) => n !== 'lo');
}

/** Rules that a walk tries where jumps go round in a circle: no kernel takes them, and most walks would end there. */
const stepsInLoops = 4000;

/** Prepares the walks. */
export function createWitnessWalker(vocabulary: Vocabulary, side: Side): WitnessWalker {
  const { space, family } = vocabulary;
  const { program, registry } = side;
  const bounds = program.families[family].loops ? { steps: stepsInLoops } : {};
  const interfaceNames = interfaceNamesOf(side);
  const tracked = side.switches.conntrack;
  const opening = openingPackets(vocabulary);
  const flags = maskInUse(space.codec, 'tcpFlags');
  const answering = flags === 0 ? space.all : space.bits('tcpFlags', tcpFlag.ACK & flags, flags);
  const stateInUse = space.codec.fields.has('ctState');
  const state = (name: string): PacketSet => (stateInUse ? space.named('ctState', name) : space.all);
  const unicast = side.locality.known
    .filter(({ types }) => types.includes('MULTICAST') || types.includes('BROADCAST'))
    .reduce<PacketSet>((set, { range }) => space.diff(set, space.addresses('dst', range)), space.all);
  const wishes: readonly PacketSet[] = [
    opening,
    space.and(state('ESTABLISHED'), answering),
    state('RELATED'),
    state('INVALID'),
    state('UNTRACKED'),
  ];

  function walk(words: readonly string[], local: boolean, wanted: WantedEnd): WalkedWitness | undefined {
    const made = packetFromExpression(words, {
      registry,
      machine: program.machine,
      family,
      backend: side.ruleset.backend,
      local,
      pick: true,
      mentionedInterfaces: interfaceNames,
    });
    if (!made.ok) return undefined;
    const { request, tape } = asFirstSeen(made.request, {});
    const { branches } = explore(
      program,
      emptyState(),
      request.packet,
      request.entry,
      undefined,
      tape,
      bounds,
    );
    for (const { trace, assumptions, immaterial } of branches) {
      if (!isFate(trace, wanted.fate)) continue;
      const by = decidedBy(trace);
      if ('by' in wanted && keyOf(by) !== deciderKey(wanted.by)) continue;
      if (wanted.holds?.(trace) === false) continue;
      const needed = assumptions.filter((a) => !immaterial.some((i) => i.key === a.key));
      return { packet: words, local, assume: given(needed), trace, by };
    }
    return undefined;
  }

  return {
    find: (road, set, wanted) => {
      // No walk ends in a loop of jumps: the kernel would refuse the table.
      if (wanted.fate === 'stuck') return undefined;
      const tried = new Set<string>();
      for (const wish of [...wishes, space.all]) {
        if (space.disjoint(set, wish)) continue;
        const witness = findWitness(space, set, { wishes: [wish, unicast], interfaceNames });
        if (witness === undefined) return undefined;
        const words = witnessWords(vocabulary, witness, road, tracked);
        const key = words.join(' ');
        if (tried.has(key)) continue;
        tried.add(key);
        const walked = walk(words, road === 'local', wanted);
        if (walked) return walked;
      }
      return undefined;
    },
  };
}
