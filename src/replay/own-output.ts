/** Frames that leave: sent by this machine itself, or packets on their way through that were walked when they came. */

import { type Packet, tcpFlag } from '../model/packet.ts';
import type { Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import type { MachineView } from './frame-way.ts';
import { flowOf } from './tally.ts';

/**
 * What a leaving frame is. `half-recorded`: forwarded, and its way in is not in the capture; `ask`: the machine's
 * addresses are not known.
 */
type LeavingKind = 'own' | 'forwarded' | 'half-recorded' | 'answer' | 'ask';

/** Flows and answers that are remembered; the oldest are forgotten first. */
const rememberedMax = 65_536;

/** A set that forgets. */
function createMemory(): { add(key: string): void; has(key: string): boolean } {
  const keys = new Set<string>();
  return {
    add(key) {
      if (keys.has(key)) return;
      keys.add(key);
      if (keys.size <= rememberedMax) return;
      for (const oldest of keys) {
        keys.delete(oldest);
        break;
      }
    },
    has: (key) => keys.has(key),
  };
}

function flowKey(p: Packet): string {
  const quoted: string = p.quote ? ` about ${flowKey(p.quote)}` : '';
  const id = p.icmpType === undefined ? '' : `${p.icmpType} ${p.icmpId ?? ''}`;
  return `${addressText(p.src)} ${p.sport ?? id} ${addressText(p.dst)} ${p.dport ?? ''} ${p.protocol}${quoted}`;
}

/** What stays the same on the way through, whatever NAT does. */
function bodyKey(p: Packet): string {
  return `${p.protocol} ${p.identification} ${p.lengthBytes} ${p.seq} ${p.ack} ${p.icmpSeq ?? ''}`;
}

/** Values that systems begin with. Source: sysctl net.ipv4.ip_default_ttl; what is sent on has passed some routers. */
const initialTtls = [64, 128, 255];
const hopsMax = 31;

const wasSentOn = (ttl: number): boolean =>
  initialTtls.some((first) => ttl < first && ttl >= first - hopsMax);

const isAnswer = (p: Packet): boolean => p.quote !== undefined || (p.tcpFlags & tcpFlag.RST) !== 0;

/** Remembers what the walks sent, and tells leaving frames apart by it. */
export interface OwnOutput {
  /** A packet came in; what leaves like it was forwarded, whatever these rules say. */
  arrived(packet: Packet): void;
  /** Whether packets of the same flow were seen to leave without having come in: its connection is not known. */
  isHalfRecorded(packet: Packet): boolean;
  learn(trace: Trace): void;
  kindOf(packet: Packet): LeavingKind;
}

/** Starts with nothing remembered. */
export function createOwnOutput(view: MachineView): OwnOutput {
  const forwarded = createMemory();
  const answers = createMemory();
  const arrivals = createMemory();
  const halves = createMemory();
  const through = (packet: Packet): LeavingKind => {
    if (arrivals.has(bodyKey(packet))) return 'forwarded';
    halves.add(flowOf(packet));
    return 'half-recorded';
  };
  return {
    arrived: (packet) => arrivals.add(bodyKey(packet)),
    isHalfRecorded: (packet) =>
      halves.has(flowOf(packet)) || (packet.quote !== undefined && halves.has(flowOf(packet.quote))),
    learn(trace) {
      if (trace.fate.kind === 'forward') forwarded.add(flowKey(trace.fate.packet));
      for (const event of trace.events)
        if (event.kind === 'generated' && event.trace.fate.kind === 'sent')
          answers.add(flowKey(event.trace.fate.packet));
    },
    kindOf(packet) {
      const key = flowKey(packet);
      if (isAnswer(packet) && answers.has(key)) return 'answer';
      if (forwarded.has(key)) return 'forwarded';
      const own = view.isOwn(packet.src);
      if (own === undefined) return 'ask';
      if (!own) return through(packet);
      // A translated source: only the hops that it has come show that it is not the machine's own.
      return wasSentOn(packet.ttl) ? through(packet) : 'own';
    },
  };
}
