/** A trace of ours in the words of the recorded cases. */

import { ctStatusBit } from '../model/connection.ts';
import type { CtState } from '../model/netfilter.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import type { Fate, PolicyRef, RuleRef, Trace, TraceEvent } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import type { CaseAnswer, CasePacketOut, CaseTraceEntry } from './conform-case.ts';

const fates: Readonly<Record<Fate['kind'], string>> = {
  local: 'local',
  forward: 'forward',
  sent: 'sent',
  drop: 'drop',
  reject: 'reject',
  queue: 'queue',
  stolen: 'stolen',
  'route-drop': 'route_drop',
  'ingress-drop': 'ingress_drop',
  queued: 'queued',
  'hook-drop': 'hook_drop',
  lost: 'lost',
  'send-error': 'send_error',
  undecided: 'undecided',
  exhausted: 'exhausted',
};

/** Status bits that the recordings name, in their order. */
const statusNames: readonly (readonly [number, string])[] = [
  [ctStatusBit.EXPECTED, 'EXPECTED'],
  [ctStatusBit.SEEN_REPLY, 'SEEN_REPLY'],
  [ctStatusBit.ASSURED, 'ASSURED'],
  [ctStatusBit.CONFIRMED, 'CONFIRMED'],
  [ctStatusBit.SRC_NAT, 'SNAT'],
  [ctStatusBit.DST_NAT, 'DNAT'],
  [ctStatusBit.SRC_NAT_DONE, 'SRC_NAT_DONE'],
  [ctStatusBit.DST_NAT_DONE, 'DST_NAT_DONE'],
  [ctStatusBit.DYING, 'DYING'],
];

/** Names of the TCP flags that are set. */
export function flagNames(flags: number): readonly string[] {
  return Object.entries(tcpFlag)
    .filter(([, bit]) => flags & bit)
    .map(([name]) => name);
}

/** Protocols whose ports the recorder reads. */
const portProtocols = new Set([6, 17, 132, 136]);

function packetOut(p: Packet, onWire: boolean): CasePacketOut {
  const out: Record<string, unknown> = {
    src: addressText(p.src),
    dst: addressText(p.dst),
    ttl: p.ttl,
    tos: p.tos,
    length: p.lengthBytes,
  };
  // Of a delivered IPv6 fragment the recorder reads the fixed header alone.
  if (p.family === 'ipv6' && !onWire && (p.moreFragments || p.fragmentOffsetBytes > 0))
    return { ...out, mark: p.mark };
  if (p.moreFragments && onWire) out['mf'] = true;
  if (p.fragmentOffsetBytes > 0 || (p.family === 'ipv6' && p.moreFragments))
    out['frag_off'] = p.fragmentOffsetBytes;
  if (portProtocols.has(p.protocol)) {
    if (p.sport !== undefined) out['sport'] = p.sport;
    if (p.dport !== undefined) out['dport'] = p.dport;
  }
  if (p.protocol === 6 && p.fragmentOffsetBytes === 0) {
    out['seq'] = p.seq;
    out['ack'] = p.ack;
    out['window'] = p.window;
    out['tcp_flags'] = flagNames(p.tcpFlags);
    const mss = p.tcpOptions.find((o) => o.kind === 2);
    if (mss && onWire) out['mss'] = Number.parseInt(mss.data, 16);
  }
  if (p.icmpType !== undefined) {
    out['icmp_type'] = p.icmpType;
    out['icmp_code'] = p.icmpCode;
    if (p.icmpId !== undefined) out['icmp_id'] = p.icmpId;
    if (p.icmpSeq !== undefined) out['icmp_seq'] = p.icmpSeq;
  }
  out['mark'] = p.mark;
  if (onWire && p.quote) {
    const { mark: _, ...quote } = packetOut(p.quote, true) as Record<string, unknown>;
    out['quote'] = quote;
  }
  return out;
}

function traceEntries(events: readonly TraceEvent[], copy: boolean): CaseTraceEntry[] {
  const out: CaseTraceEntry[] = [];
  let mark = 0;
  const push = (entry: CaseTraceEntry, now: number): void => {
    out.push(now === mark ? entry : { ...entry, mark: now });
    mark = now;
  };
  for (const e of events) {
    // A copy that comes in again has a record of its own, which begins with mark 0.
    if (copy && e.kind === 'hook' && e.hook === 'PREROUTING') mark = 0;
    if (e.kind === 'rule') {
      const { table, chain, number } = e.rule;
      push(
        {
          table,
          chain,
          rule: number,
          verdict: e.outcome,
          ...(e.to === undefined ? {} : { to: e.to }),
        },
        e.mark,
      );
    } else if (e.kind === 'policy')
      push({ table: e.table, chain: e.chain, policy: true, verdict: e.verdict }, e.mark);
  }
  return out;
}

function place(at: RuleRef | PolicyRef): NonNullable<CaseAnswer['drop_at']> {
  return 'number' in at
    ? { table: at.table, chain: at.chain, rule: at.number }
    : { table: at.table, chain: at.chain, policy: true };
}

/**
 * The kernel's trace tells the connection's status with the first record of a table's pass; where a hook was passed,
 * the recorder's own chain at its end told it.
 */
function recordedConnection(t: Trace): { readonly state: CtState; readonly status: number } {
  const inHook = ['drop', 'reject', 'hook-drop', 'queue', 'stolen'].includes(t.fate.kind);
  const from = inHook ? t.events.findLastIndex((e) => e.kind === 'table' && e.skipped === undefined) : -1;
  if (from >= 0)
    for (const e of t.events.slice(from))
      if (e.kind === 'rule' || e.kind === 'policy') return { state: e.ctState, status: e.status };
  return { state: t.connection?.state ?? 'INVALID', status: t.connection?.status ?? 0 };
}

/**
 * The kernel's own broadcasts loop back, too. The recorder lists such a copy in two parts: what came in again, and,
 * as lost, what was left of it in POSTROUTING; in one, where a local packet led to it.
 */
function copiesOf(t: Trace, ofLocal: boolean): (CaseAnswer & { readonly copy?: boolean })[] {
  return t.events.flatMap((e) => {
    if (e.kind !== 'generated' || e.cause !== 'broadcast-copy') return [];
    const { events } = e.trace;
    const at = events.findIndex((x) => x.kind === 'hook' && x.hook === 'PREROUTING');
    if (at < 0 || ofLocal) return [{ ...answerOf(e.trace, true, isTracked(t)), copy: true }];
    const { ct, ...back } = answerOf({ ...e.trace, events: events.slice(at) });
    const left = { kind: 'lost', reason: 'copy', outInterface: e.trace.inInterface } as const;
    const out = answerOf({ ...e.trace, events: events.slice(0, at), fate: left }, false, isTracked(t));
    return [
      { ...back, ...(ct ? { ct } : {}) },
      { ...out, copy: true },
    ];
  });
}

function isTracked(t: Trace): boolean {
  return t.events.some((e) => e.kind === 'conntrack');
}

/** Lost in its first hook before a table behind conntrack was met: what the kernel told is older than conntrack. */
function lostUnseen(t: Trace): boolean {
  return (
    t.fate.kind === 'hook-drop' &&
    isTracked(t) &&
    t.events.filter((e) => e.kind === 'hook').length === 1 &&
    t.events.every(
      (e) => (e.kind !== 'policy' || e.table === 'raw') && (e.kind !== 'rule' || e.rule.table === 'raw'),
    )
  );
}

/** What a bridge switched left by one of its ports; recordings name the bridge. */
function bridgeOut(t: Trace): string | undefined {
  const last = t.events.findLast((e) => e.kind === 'hook');
  return last?.physOut === undefined ? undefined : last.outInterface;
}

/** The answer to one packet of a case. `ofLocal`: that was sent by a process, whatever this packet is. */
export function answerOf(
  t: Trace,
  copy = false,
  tracks = isTracked(t),
  ofLocal = t.entry.kind === 'local',
): CaseAnswer {
  const { fate } = t;
  const generated = t.events.flatMap((e) => {
    if (e.kind !== 'generated') return [];
    if (e.cause === 'broadcast-copy') return [{ ...answerOf(e.trace, true, isTracked(t)), copy: true }];
    const { generated: nested, ...own } = answerOf(e.trace, false, isTracked(e.trace), ofLocal);
    return [own, ...copiesOf(e.trace, ofLocal), ...(nested ?? []).filter((g) => !g.copy)];
  });
  const c = t.connection;
  const recorded = recordedConnection(t);
  const status = statusNames.filter(([bit]) => recorded.status & bit).map(([, name]) => name);
  // What the CT target attached, and conntrack never came to replace: it looks like a confirmed connection.
  const template = c?.entry === undefined && recorded.state === 'NEW';
  const tracked = tracks || c?.entry !== undefined || recorded.state === 'UNTRACKED';
  const out =
    fate.kind === 'forward' || fate.kind === 'sent' || fate.kind === 'lost'
      ? (bridgeOut(t) ?? fate.outInterface)
      : undefined;
  const wire = fate.kind === 'forward' || fate.kind === 'sent';
  const packet =
    fate.kind === 'local' || fate.kind === 'forward' || fate.kind === 'sent'
      ? ((fate.kind === 'local' ? undefined : fate.fragments?.[0]) ?? fate.packet)
      : undefined;
  return {
    trace: traceEntries(t.events, copy),
    fate: fates[fate.kind],
    ...(fate.kind === 'drop' || fate.kind === 'reject' || fate.kind === 'queue' || fate.kind === 'stolen'
      ? { drop_at: place(fate.at) }
      : {}),
    ...(fate.kind === 'reject' ? { reject_with: fate.with } : {}),
    ...(out === undefined ? {} : { out_iface: out }),
    ...(packet ? { packet_out: packetOut(packet, wire) } : {}),
    ...(template ? { ct: { state: 'NEW', dir: 'original', status: ['CONFIRMED'] } } : {}),
    ...(c && lostUnseen(t) ? { ct: { state: 'INVALID' } } : {}),
    ...(c && tracked && !template && !lostUnseen(t)
      ? {
          ct: {
            state: c.entry === undefined && recorded.state === 'UNTRACKED' ? recorded.state : c.state,
            ...(c.entry === undefined ? {} : { dir: c.direction }),
            ...(status.length > 0 ? { status } : {}),
          },
        }
      : {}),
    ...(generated.length > 0 ? { generated } : {}),
    ...(t.errno === undefined ? {} : { errno: t.errno }),
  };
}
