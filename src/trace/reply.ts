/** Whether the answer to a packet would come back, and by which rules. */

import { type Branch, type Exploration, explore } from '../engine/explore.ts';
import { hopLimit, sysctlNumber } from '../engine/facts.ts';
import { emptyState, type Program, type SimulationState, simulate } from '../engine/simulate.ts';
import type { Tape } from '../engine/tape.ts';
import type { Machine } from '../model/machine.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import type { EntryHints, EntryPoint, Fate, Trace } from '../model/trace.ts';
import { sameAddress } from '../net/address.ts';
import { listenerFor } from './listener.ts';
import { type NoAnswer, ordinaryAnswer, refusal } from './ordinary-answer.ts';
import { foldWays, type Ways } from './outcome.ts';

/** The answer's ways, or why there is none to walk. */
export type Reply =
  | { readonly kind: 'none'; readonly because: NoAnswer }
  | {
      readonly kind: 'walked';
      /** `refusal`: no program listens, and the kernel says so. */
      readonly sort: 'answer' | 'refusal';
      readonly packet: Packet;
      readonly entry: EntryPoint;
      readonly exploration: Exploration;
      readonly ways: Ways;
      /** The client and the server are behind one interface: the answer may go past this machine. */
      readonly shortcut: boolean;
    };

/** What became of the answer. */
export type ReplyEnd =
  | 'comes-back'
  /** It leaves, but from or to another address or port than the question had. */
  | 'not-translated'
  /** It ends on this machine although the question came from outside, or the other way round. */
  | 'elsewhere'
  | 'stopped'
  | 'open';

/** Bounds of an answer's walks: it is a postscript to the packet's own way. */
const replyForks = 8;
const replySteps = 200_000;

/** What a walk needs besides the packet. */
export interface WalkContext {
  readonly program: Program;
  readonly machine: Machine;
  /** Answers that the user gave. */
  readonly tape: Tape;
}

/** Whether the packet arrived somewhere. */
export function arrived(fate: Fate): fate is Fate & { kind: 'local' | 'forward' | 'sent' } {
  return fate.kind === 'local' || fate.kind === 'forward' || fate.kind === 'sent';
}

/** Where the answer to a packet sets out: here where it was delivered, else at the interface where it left. */
export function entryOfAnswer(trace: Trace): EntryPoint | undefined {
  const { fate, entry, events } = trace;
  if (!arrived(fate)) return undefined;
  if (fate.kind !== 'local') {
    const hints: EntryHints =
      entry.kind === 'local'
        ? { destination: 'local' }
        : { destination: 'remote', outInterface: entry.inInterface };
    const left = events.findLast((e) => e.kind === 'hook' && e.physOut !== undefined);
    // A switched packet leaves by a port of the bridge that it came by, and so does its answer, the other way round.
    if (left?.kind === 'hook' && left.outInterface !== undefined && entry.kind === 'arrives') {
      const back: EntryHints = {
        destination: 'remote',
        ...(entry.physIn === undefined ? {} : { physOut: entry.physIn }),
      };
      return { kind: 'arrives', inInterface: left.outInterface, physIn: fate.outInterface, hints: back };
    }
    return { kind: 'arrives', inInterface: fate.outInterface, hints };
  }
  // Of a bridge's port the bridge took it, and the bridge sends the answer.
  const came = events.find((e) => e.kind === 'hook')?.inInterface;
  const hints: EntryHints =
    entry.kind === 'local' ? { destination: 'local' } : { outInterface: came ?? entry.inInterface };
  return { kind: 'local', hints };
}

/** What is known after a way: the user's answers, and those that are about the machine, not about one rule. */
export function tapeAfter(tape: Tape, { assumptions }: Pick<Branch, 'assumptions'>): Tape {
  const more = assumptions.filter(({ key }) => !key.startsWith('rule:') && !key.startsWith('target:'));
  return { ...tape, ...Object.fromEntries(more.map(({ key, answer }) => [key, answer])) };
}

/** The interface by which routing wants a packet of this machine out, as far as it is known. */
function routedBy({ program, tape }: WalkContext, packet: Packet, entry: EntryPoint): string | undefined {
  const { trace } = simulate(program, emptyState(), packet, entry, undefined, tape);
  const routed = trace.events.find((e) => e.kind === 'route');
  return routed?.decision.outInterface ?? entry.hints?.outInterface;
}

/** A packet as this machine's kernel sends it in answer to another: its TTL, and the mark where it is handed on. */
export function sentInAnswer(packet: Packet, to: Packet, entry: EntryPoint, context: WalkContext): Packet {
  const v4 = packet.family === 'ipv4';
  const { facts } = context.program;
  const reflects =
    packet.protocol === 6 && (packet.tcpFlags & tcpFlag.SYN) !== 0
      ? 'net.ipv4.tcp_fwmark_accept'
      : v4
        ? 'net.ipv4.fwmark_reflect'
        : 'net.ipv6.fwmark_reflect';
  const byKernel = packet.icmpType !== undefined || packet.protocol === 6;
  const mark = byKernel && sysctlNumber(facts, reflects, 0) !== 0 ? to.mark : 0;
  const sent: Packet = { ...packet, mark };
  // The route does not depend on the TTL, but in IPv6 the TTL on the route.
  return { ...sent, ttl: hopLimit(facts, sent.family, v4 ? undefined : routedBy(context, sent, entry)) };
}

function toMany({ events }: Trace): boolean {
  return events.some(
    (e) => e.kind === 'route' && (e.decision.kind === 'broadcast' || e.decision.kind === 'multicast'),
  );
}

/** A DNAT back out of the interface by which the packet came in, with the client's own address. */
function takesShortcut({ entry, fate, packet }: Trace): boolean {
  return (
    entry.kind === 'arrives' &&
    fate.kind === 'forward' &&
    fate.outInterface === entry.inInterface &&
    !sameAddress(fate.packet.dst, packet.dst) &&
    sameAddress(fate.packet.src, packet.src)
  );
}

/** Walks the ordinary answer to a packet that arrived; undefined for one that did not. */
export function replyTo(
  branch: Pick<Branch, 'trace' | 'assumptions'> & { readonly state: SimulationState },
  context: WalkContext,
  detail: 'matched' | 'all' = 'matched',
): Reply | undefined {
  const { trace, state } = branch;
  const { fate } = trace;
  const entry = entryOfAnswer(trace);
  if (!arrived(fate) || !entry) return undefined;
  const asked = fate.packet;
  if (toMany(trace)) return { kind: 'none', because: 'to-many' };
  const refused = fate.kind === 'local' && listenerFor(context.machine, asked) === 'none';
  const made = (refused ? refusal(asked) : undefined) ?? ordinaryAnswer(asked);
  if (typeof made === 'string') return { kind: 'none', because: made };
  const packet = entry.kind === 'local' ? sentInAnswer(made, asked, entry, context) : made;
  const exploration = explore(
    context.program,
    state,
    packet,
    entry,
    undefined,
    tapeAfter(context.tape, branch),
    { detail, forks: replyForks, steps: replySteps },
  );
  return {
    kind: 'walked',
    sort: refused ? 'refusal' : 'answer',
    packet,
    entry,
    exploration,
    ways: foldWays(exploration.tree),
    shortcut: takesShortcut(trace),
  };
}

/** How the answer fared, held against the packet that it answers. */
export function replyEnd(request: Trace, reply: Trace): ReplyEnd {
  const { fate } = reply;
  if (fate.kind === 'undecided' || fate.kind === 'exhausted') return 'open';
  if (!arrived(fate)) return 'stopped';
  const home = request.entry.kind === 'local' ? fate.kind === 'local' : fate.kind !== 'local';
  if (!home) return 'elsewhere';
  const asked = request.packet;
  const came = fate.packet;
  const addresses = sameAddress(came.src, asked.dst) && sameAddress(came.dst, asked.src);
  const ports =
    came.protocol !== asked.protocol || (came.sport === asked.dport && came.dport === asked.sport);
  return addresses && ports ? 'comes-back' : 'not-translated';
}
