/** One machine under a stream of packets. */

import { type Branch, explore } from '../engine/explore.ts';
import { emptyState, type Program, type SimulationState, simulate } from '../engine/simulate.ts';
import type { Tape } from '../engine/tape.ts';
import type { Packet } from '../model/packet.ts';
import type { Assumption, EntryPoint, Fate, PolicyRef, Question, RuleRef, Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { decidedBy } from '../trace/outcome.ts';

/** One end of a packet whose fate is not decided. */
interface PossibleEnd {
  readonly assumptions: readonly Assumption[];
  readonly trace: Trace;
}

/** What became of a packet. */
export interface Outcome {
  /** Of an undecided packet: the way that the replay went on with. */
  readonly trace: Trace;
  /** Set where the ends differ: what was asked first, and each end. */
  readonly undecided: { readonly question: Question; readonly ends: readonly PossibleEnd[] } | undefined;
  /** Equal for packets that fare alike; of an undecided one, all its ends. */
  readonly signature: string;
}

/** A machine with its memory. */
export interface Walker {
  walk(packet: Packet, entry: EntryPoint, timeMs: number | undefined): Outcome;
  /** Walks without memory and without leaving any. */
  walkAlone(packet: Packet, entry: EntryPoint): Outcome;
}

/** Ways of one packet that are walked; more are named, not counted. */
const forksMax = 16;

const ethernetMtuBytes = 1500;

/** What a packet's sender and receiver see of its fate: rules aside. */
export function fateSignature(fate: Fate): string {
  switch (fate.kind) {
    case 'local':
      return `local ${endpoints(fate.packet)}`;
    case 'forward':
    case 'sent':
      return `${fate.kind} ${fate.outInterface} ${endpoints(fate.packet)}`;
    case 'reject':
      return `reject ${fate.with}`;
    case 'drop':
    case 'route-drop':
    case 'ingress-drop':
    case 'hook-drop':
    case 'lost':
      return 'drop';
    default:
      return fate.kind;
  }
}

function endpoints(p: Packet): string {
  return `${addressText(p.src)} ${p.sport ?? ''} ${addressText(p.dst)} ${p.dport ?? ''}`;
}

const passes = (fate: Fate): boolean =>
  fate.kind === 'local' || fate.kind === 'forward' || fate.kind === 'sent';

/** A rule or policy as a text that tells it from all others. */
export function deciderKey(at: RuleRef | PolicyRef | undefined): string {
  if (!at) return '';
  return 'policy' in at ? `${at.table} ${at.chain} policy` : `${at.table} ${at.chain} ${at.number}`;
}

/** Starts with an empty memory. */
export function createWalker(program: Program, tape: Tape): Walker {
  let state = emptyState();
  const mtuOf = (name: string): number => program.facts.interfaces.get(name)?.mtuBytes ?? ethernetMtuBytes;

  const once = (
    from: SimulationState,
    packet: Packet,
    entry: EntryPoint,
    timeMs: number | undefined,
  ): { outcome: Outcome; next: SimulationState } => {
    const { trace, state: next } = simulate(program, from, packet, entry, timeMs, tape);
    if (trace.fate.kind !== 'undecided')
      return { outcome: { trace, undecided: undefined, signature: fateSignature(trace.fate) }, next };
    const { branches } = explore(program, from, packet, entry, timeMs, tape, { forks: forksMax });
    const chosen = branches.find((b) => passes(b.trace.fate)) ?? (branches[0] as Branch);
    const ends = new Map<string, PossibleEnd>();
    for (const { assumptions, trace: way } of branches) {
      const key = `${fateSignature(way.fate)} by ${deciderKey(decidedBy(way))}`;
      if (!ends.has(key)) ends.set(key, { assumptions, trace: way });
    }
    const signatures = [...new Set(branches.map((b) => fateSignature(b.trace.fate)))].sort();
    return {
      outcome: {
        trace: chosen.trace,
        undecided: ends.size > 1 ? { question: trace.fate.question, ends: [...ends.values()] } : undefined,
        signature: signatures.join(' | '),
      },
      next: chosen.state,
    };
  };

  return {
    walk(packet, entry, timeMs) {
      const { outcome, next } = once(state, packet, entry, timeMs);
      const { fate } = outcome.trace;
      if (fate.kind === 'route-drop' && fate.reason === 'too-big' && entry.kind === 'arrives') {
        const pieces = mergedSegments(packet, mtuOf(entry.inInterface));
        if (pieces.length > 1) {
          let last = outcome;
          for (const piece of pieces) {
            const walked = once(state, piece, entry, timeMs);
            state = walked.next;
            last = walked.outcome;
          }
          return last;
        }
      }
      state = next;
      return outcome;
    },
    walkAlone: (packet, entry) => once(emptyState(), packet, entry, undefined).outcome,
  };
}

/**
 * Segments that the network card or the kernel had merged before the recorder saw them (GRO, LRO): a packet that
 * came in cannot be larger than what its link carries. The kernel cuts them again on their way out, so their size
 * is no reason to drop them.
 *
 * Source: net/ipv4/ip_forward.c ip_exceeds_mtu().
 */
function mergedSegments(p: Packet, mtuBytes: number): readonly Packet[] {
  if (p.protocol !== 6 || p.lengthBytes <= mtuBytes) return [p];
  const payloadBytes = p.payload === undefined ? p.lengthBytes - 40 : p.payload.length / 2;
  const headers = p.lengthBytes - payloadBytes;
  const room = mtuBytes - headers;
  if (room <= 0) return [p];
  const pieces: Packet[] = [];
  for (let at = 0; at < payloadBytes; at += room) {
    const size = Math.min(room, payloadBytes - at);
    pieces.push({
      ...p,
      seq: (p.seq + at) >>> 0,
      lengthBytes: headers + size,
      payload: p.payload?.slice(at * 2, (at + size) * 2),
    });
  }
  return pieces;
}
