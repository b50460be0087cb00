/** Packets, bytes and flows counted by what became of them. */

import type { Packet } from '../model/packet.ts';
import type { Fate, PolicyRef, RuleRef } from '../model/trace.ts';
import type { Family } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { deciderKey } from './walker.ts';

/** A number of packets. */
export interface Count {
  readonly packets: number;
  readonly bytes: number;
  /** Pairs of endpoints, both directions together. */
  readonly flows: number;
}

/** What became of packets, in one word. */
export type Verdict =
  | 'delivered'
  | 'forwarded'
  | 'sent'
  | 'dropped'
  | 'rejected'
  | 'queued'
  | 'taken'
  | 'waiting'
  | 'undecided'
  | 'given-up';

/** All verdicts, in the order of printing. */
const verdicts: readonly Verdict[] = [
  'delivered',
  'forwarded',
  'sent',
  'dropped',
  'rejected',
  'queued',
  'taken',
  'waiting',
  'undecided',
  'given-up',
];

const verdictOfFate: Readonly<Record<Fate['kind'], Verdict>> = {
  local: 'delivered',
  forward: 'forwarded',
  sent: 'sent',
  drop: 'dropped',
  reject: 'rejected',
  queue: 'queued',
  stolen: 'taken',
  'route-drop': 'dropped',
  'ingress-drop': 'dropped',
  'hook-drop': 'dropped',
  queued: 'waiting',
  lost: 'dropped',
  'send-error': 'dropped',
  undecided: 'undecided',
  exhausted: 'given-up',
};

/** The verdict of a fate. */
export function verdictOf(fate: Fate): Verdict {
  return verdictOfFate[fate.kind];
}

/** Packets with one verdict. */
export interface VerdictCount extends Count {
  readonly verdict: Verdict;
}

/** Packets that one rule or policy decided; without one, a fate that tells why. */
export interface DeciderCount extends Count {
  readonly family: Family;
  readonly verdict: Verdict;
  readonly at: RuleRef | PolicyRef | undefined;
  /** The first packet's; its reason stands for all where no rule decided. */
  readonly fate: Fate;
}

/** Flows beyond this are not told apart any more. */
const flowsMax = 200_000;

class Counter {
  packets = 0;
  bytes = 0;
  readonly flows = new Set<string>();

  add(bytes: number, flow: string): void {
    this.packets++;
    this.bytes += bytes;
    if (this.flows.size < flowsMax) this.flows.add(flow);
  }

  count(): Count {
    return { packets: this.packets, bytes: this.bytes, flows: this.flows.size };
  }
}

/** Equal for both directions of a flow. */
export function flowOf(p: Packet): string {
  const a = `${addressText(p.src)} ${p.sport ?? ''}`;
  const b = `${addressText(p.dst)} ${p.dport ?? ''}`;
  return a < b ? `${p.protocol} ${a} ${b} ${p.icmpId ?? ''}` : `${p.protocol} ${b} ${a} ${p.icmpId ?? ''}`;
}

/** What tells fates without a rule apart. */
function reasonKey(fate: Fate): string {
  return 'reason' in fate ? `${fate.kind} ${fate.reason}` : fate.kind;
}

/** Counts. */
export interface Tally {
  add(packet: Packet, verdict: Verdict, at: RuleRef | PolicyRef | undefined, fate: Fate): void;
  byVerdict(): readonly VerdictCount[];
  /** The most packets first. */
  byDecider(): readonly DeciderCount[];
  all(): Count;
}

/** Starts at zero. */
export function createTally(): Tally {
  const whole = new Counter();
  const byVerdict = new Map<Verdict, Counter>();
  const deciders = new Map<
    string,
    { readonly counter: Counter; readonly about: Omit<DeciderCount, keyof Count> }
  >();
  return {
    add(packet, verdict, at, fate) {
      const flow = flowOf(packet);
      whole.add(packet.lengthBytes, flow);
      const counter = byVerdict.get(verdict) ?? new Counter();
      byVerdict.set(verdict, counter);
      counter.add(packet.lengthBytes, flow);
      const key = `${packet.family} ${verdict} ${deciderKey(at)} ${at ? '' : reasonKey(fate)}`;
      let decider = deciders.get(key);
      if (!decider) {
        decider = { counter: new Counter(), about: { family: packet.family, verdict, at, fate } };
        deciders.set(key, decider);
      }
      decider.counter.add(packet.lengthBytes, flow);
    },
    byVerdict: () =>
      verdicts.flatMap((verdict) => {
        const counter = byVerdict.get(verdict);
        return counter ? [{ verdict, ...counter.count() }] : [];
      }),
    byDecider: () =>
      [...deciders.values()]
        .map(({ counter, about }) => ({ ...about, ...counter.count() }))
        .sort((a, b) => b.packets - a.packets),
    all: () => whole.count(),
  };
}
