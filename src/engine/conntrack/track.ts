/**
 * Connection tracking of one packet: finding or making its entry, and confirming it.
 *
 * Source: net/netfilter/nf_conntrack_core.c nf_conntrack_in(), resolve_normal_ct(), __nf_conntrack_confirm(),
 * nf_conntrack_proto_icmp.c nf_conntrack_inet_error().
 */

import { ctStatusBit, type Tuple } from '../../model/connection.ts';
import { lacksHeader } from '../../model/layer4-header.ts';
import type { CtDirection, CtState } from '../../model/netfilter.ts';
import type { Packet } from '../../model/packet.ts';
import { isCutTcpHeader } from '../../model/tcp-header.ts';
import { sameAddress } from '../../net/address.ts';
import { isFragment, lacksHeaders } from '../fragments.ts';
import { changeEntry, type Entry, type EntryChange } from '../state.ts';
import type { Walk } from '../walk.ts';
import { findTuple, insertEntry, originalKey, removeEntry, replyKey, storeEntry } from '../working-state.ts';
import type { ProtocolState } from './protocol-state.ts';
import { trackSctp } from './sctp.ts';
import { newTcpTrack, trackTcp, validTcpFlags } from './tcp.ts';
import { invertTuple, isIcmp, isIcmpRequest, protocol, tupleKey, tupleOf } from './tuple.ts';

const { SEEN_REPLY, ASSURED, CONFIRMED, EXPECTED, DYING } = ctStatusBit;

/** Types that quote the packet they are about. */
export function isIcmpError(packet: Packet): boolean {
  if (packet.icmpType === undefined) return false;
  if (packet.protocol === protocol.ICMP) return [3, 4, 5, 11, 12].includes(packet.icmpType);
  if (packet.protocol === protocol.ICMPV6) return packet.icmpType < 128 || packet.icmpType === 137;
  return false;
}

/** Neighbour and router discovery, multicast listener messages: never tracked. */
const untrackedIcmpv6 = new Set([130, 131, 132, 133, 134, 135, 136, 143]);

function emitTracked(w: Walk, created: boolean, reason: string | undefined): void {
  w.emit({
    kind: 'conntrack',
    state: w.connection.state,
    direction: w.connection.direction,
    entry: w.ct?.id,
    original: w.ct?.original,
    reply: w.ct?.reply,
    status: w.ct?.status ?? 0,
    created,
    reason,
  });
}

function invalid(w: Walk, reason: string): undefined {
  w.attach(undefined, 'INVALID', 'original');
  emitTracked(w, false, reason);
  return undefined;
}

interface Zones {
  readonly original: number;
  readonly reply: number;
}

function zonesOf(w: Walk): Zones {
  const z = w.ctTemplate?.zone;
  if (!z) return { original: 0, reply: 0 };
  const id = z.fromMark ? w.packet.mark & 0xffff : z.value;
  return {
    original: z.direction === 'reply' ? 0 : id,
    reply: z.direction === 'original' ? 0 : id,
  };
}

function find(w: Walk, tuple: Tuple): { entry: Entry; direction: CtDirection } | undefined {
  const zones = zonesOf(w);
  const matches = (zone: number): { entry: Entry; direction: CtDirection } | undefined => {
    const found = findTuple(w.shared, tupleKey(tuple, zone));
    // nf_ct_key_equal(): the zone is compared as it counts in the direction that was found.
    return found && zones[found.direction] === zone
      ? { entry: found.entry, direction: found.direction }
      : undefined;
  };
  return matches(zones.original) ?? (zones.reply === zones.original ? undefined : matches(zones.reply));
}

function newEntry(w: Walk, tuple: Tuple, protocolState: ProtocolState): Entry | undefined {
  const reply = invertTuple(tuple);
  if (!reply) return undefined;
  const zones = zonesOf(w);
  return {
    id: w.shared.nextEntry++,
    original: tuple,
    reply,
    status: 0,
    mark: 0,
    zone: zones.original,
    zoneOriginal: zones.original,
    zoneReply: zones.reply,
    helper: w.ctTemplate?.helper,
    labels: [],
    packets: { original: 0, reply: 0 },
    bytes: { original: 0, reply: 0 },
    expiresMs: Number.POSITIVE_INFINITY,
    createdMs: w.shared.timeMs,
    master: undefined,
    protocolState,
    masqueradeInterface: undefined,
  };
}

/** The state that resolve_normal_ct() gives a packet of this entry. */
function stateOf(entry: Entry, direction: CtDirection): CtState {
  if (direction === 'reply' || entry.status & SEEN_REPLY) return 'ESTABLISHED';
  return entry.status & EXPECTED ? 'RELATED' : 'NEW';
}

/** nf_conntrack_inet_error(): an ICMP error belongs to the connection of the packet that it quotes. */
function trackError(w: Walk): undefined {
  const p = w.packet;
  const { quote } = p;
  const quoted = quote && tupleOf(quote);
  if (!quote || !quoted) return invalid(w, 'quote');
  const inner = invertTuple(quoted);
  const found = inner && find(w, inner);
  if (!found) return invalid(w, 'quote-of-unknown-connection');
  // The error must go to the sender of what it quotes, as the connection knows it.
  if (!sameAddress(p.dst, found.entry[found.direction].dst)) return invalid(w, 'quote-of-another');
  w.attach(found.entry, 'RELATED', found.direction);
  emitTracked(w, false, undefined);
  return undefined;
}

function account(w: Walk, entry: Entry, direction: CtDirection): Pick<Entry, 'packets' | 'bytes'> {
  const { packets, bytes } = entry;
  const { lengthBytes } = w.packet;
  return direction === 'original'
    ? {
        packets: { original: packets.original + 1, reply: packets.reply },
        bytes: { original: bytes.original + lengthBytes, reply: bytes.reply },
      }
    : {
        packets: { original: packets.original, reply: packets.reply + 1 },
        bytes: { original: bytes.original, reply: bytes.reply + lengthBytes },
      };
}

/** What the asker said of the connection, where the table holds nothing. */
function hinted(w: Walk, tuple: Tuple): boolean {
  const hint = w.depth === 0 ? w.entry.hints?.connection : undefined;
  if (!hint) return false;
  if (hint.state === 'INVALID' || hint.state === 'UNTRACKED') {
    if (hint.state === 'UNTRACKED') w.untracked = true;
    w.attach(undefined, hint.state, 'original');
    emitTracked(w, false, 'as told');
    return true;
  }
  if (hint.state === 'NEW') return false;
  const direction = hint.direction ?? 'original';
  const inverse = invertTuple(tuple);
  if (!inverse) return false;
  const made = newEntry(w, direction === 'original' ? tuple : inverse, { kind: 'plain' });
  if (!made) return false;
  const entry: Entry = {
    ...made,
    status:
      hint.state === 'ESTABLISHED'
        ? SEEN_REPLY | ASSURED | CONFIRMED | ctStatusBit.SRC_NAT_DONE | ctStatusBit.DST_NAT_DONE
        : EXPECTED,
    expiresMs: w.shared.timeMs + 600_000,
  };
  if (entry.status & CONFIRMED) insertEntry(w.shared, entry);
  w.attach(entry, hint.state, direction);
  emitTracked(w, true, 'as told');
  return true;
}

/** nf_conntrack_in(): attaches an entry and a state to the packet. */
export function trackPacket(w: Walk): undefined {
  if (w.untracked || w.ct) return undefined;
  const p = w.packet;
  const settings = w.shared.program.conntrackSettings;
  const verifying = settings.checksum && w.hook === 'PREROUTING';
  if (p.fragmentOffsetBytes > 0) return invalid(w, 'fragment');

  if (isIcmp(p.protocol) && (p.protocol === protocol.ICMP) === (p.family === 'ipv4')) {
    if (p.icmpType === undefined || lacksHeader(p)) return invalid(w, 'header');
    if (verifying && p.badChecksum) return invalid(w, 'checksum');
    if (verifying) w.checksumSeen = true;
    if (p.family === 'ipv4') {
      if (p.icmpType > 18) return invalid(w, 'icmp-type');
    } else if (untrackedIcmpv6.has(p.icmpType)) {
      w.untracked = true;
      w.attach(undefined, 'UNTRACKED', 'original');
      emitTracked(w, false, 'neighbour-discovery');
      return undefined;
    }
    if (isIcmpError(p)) return trackError(w);
  }

  for (let round = 0; round < 2; round++) {
    const tuple = tupleOf(p);
    if (!tuple) return invalid(w, 'header');
    let found = find(w, tuple);
    let created = false;
    if (!found) {
      if (hinted(w, tuple)) return undefined;
      const made = newEntry(w, tuple, { kind: 'plain' });
      if (!made) return invalid(w, 'icmp-type');
      found = { entry: made, direction: 'original' };
      created = true;
    }
    const { entry, direction } = found;
    const refused = trackProtocol(w, entry, direction, created, verifying);
    if (refused === 'repeat') continue;
    if (refused !== undefined) {
      // nf_conntrack_in(): what the tracker refuses has nothing on it any more, not even that it was seen.
      w.seenByConntrack = false;
      return invalid(w, refused);
    }
    // The state was fixed before the tracker ran: a first answer is ESTABLISHED all the same.
    const state = stateOf(entry, direction);
    const current = w.ct ?? entry;
    w.attach(current, state, direction);
    if (state === 'ESTABLISHED' && direction === 'reply' && !(current.status & SEEN_REPLY))
      w.updateEntry({ status: current.status | SEEN_REPLY });
    emitTracked(w, created, undefined);
    return undefined;
  }
  return invalid(w, 'state');
}

/** udp_error(): the header is not whole, or its length is not that of the packet. Told from bytes, where there are any. */
function wrongUdpLength(p: Packet): boolean {
  if (p.layer4 === undefined || isFragment(p)) return false;
  const length = Number.parseInt(p.layer4.slice(8, 12), 16);
  return lacksHeader(p) || length < 8 || 2 * length > p.layer4.length;
}

/**
 * The protocol's tracker. Leaves the changed entry attached; otherwise says why the packet is INVALID, or `repeat`
 * where the entry was removed and the packet is to be looked up again.
 */
function trackProtocol(
  w: Walk,
  entry: Entry,
  direction: CtDirection,
  created: boolean,
  verifying: boolean,
): string | undefined {
  const p = w.packet;
  const settings = w.shared.program.conntrackSettings;
  const { status } = entry;
  const keep = (change: EntryChange, counted = true): void => {
    const seen = counted ? changeEntry(entry, account(w, entry, direction)) : entry;
    const next = changeEntry(seen, change);
    if (!created) storeEntry(w.shared, next);
    w.ct = next;
  };
  const bad = verifying && p.badChecksum;

  switch (p.protocol) {
    case protocol.TCP: {
      if (bad) return 'checksum';
      if ((isFragment(p) && lacksHeaders(p)) || isCutTcpHeader(p)) return 'short-header';
      if (!validTcpFlags(p.tcpFlags)) return 'tcp-flags';
      const known = entry.protocolState.kind === 'tcp' ? entry.protocolState : undefined;
      if (!created && !known) {
        keep({});
        return undefined;
      }
      const track = created ? newTcpTrack(p, settings.tcp) : known;
      if (!track) return 'tcp-state';
      const result = trackTcp(
        track,
        p,
        direction,
        { seenReply: (status & SEEN_REPLY) !== 0, assured: (status & ASSURED) !== 0 },
        settings.tcp,
      );
      if (result.verdict === 'repeat') {
        removeEntry(w.shared, entry);
        return 'repeat';
      }
      if (result.verdict === 'invalid') {
        // What the tracker noted before it gave up stays in the entry.
        if (!created) storeEntry(w.shared, { ...entry, protocolState: result.track });
        return `tcp-${result.reason ?? 'state'}`;
      }
      if (result.verdict === 'kill') {
        keep({ protocolState: result.track, status: status | DYING });
        if (!created) removeEntry(w.shared, entry);
        return undefined;
      }
      const timeoutMs = result.timeoutMs ?? (created ? settings.tcp.timeoutMs.SYN_SENT : undefined);
      const change = {
        protocolState: result.track,
        closed: result.track.state === 'TIME_WAIT' || result.track.state === 'CLOSE',
        status: result.assured ? status | ASSURED : status,
        expiresMs: timeoutMs === undefined ? entry.expiresMs : w.shared.timeMs + timeoutMs,
      };
      keep(change, result.reason === undefined);
      return undefined;
    }
    case protocol.SCTP: {
      if (bad || lacksHeader(p)) return bad ? 'checksum' : 'short-header';
      const known = entry.protocolState.kind === 'sctp' ? entry.protocolState : undefined;
      if (!created && !known) {
        keep({});
        return undefined;
      }
      const result = trackSctp(known, p, direction);
      if (!result) return 'sctp-state';
      const change = {
        protocolState: result.track,
        status: result.assured ? status | ASSURED : status,
        expiresMs: result.ignored ? entry.expiresMs : w.shared.timeMs + settings.sctpMs(result.track.state),
      };
      keep(change, !result.ignored);
      return undefined;
    }
    case protocol.UDP:
    case protocol.UDPLITE: {
      if (p.protocol === protocol.UDP && wrongUdpLength(p)) return 'short-header';
      // udplite_error() sums with UDP's protocol number, so that no right checksum of UDP-Lite passes.
      if (bad || (verifying && p.protocol === protocol.UDPLITE)) return 'checksum';
      const replied = (status & SEEN_REPLY) !== 0;
      // UDP still active two seconds after it began is a stream; UDP-Lite does not wait.
      const stream = replied && (p.protocol === protocol.UDPLITE || w.shared.timeMs > entry.createdMs + 2000);
      keep({
        expiresMs: w.shared.timeMs + settings.plainMs(p.protocol, stream),
        status: stream ? status | ASSURED : status,
      });
      return undefined;
    }
    case protocol.GRE: {
      const replied = (status & SEEN_REPLY) !== 0;
      keep({
        expiresMs: w.shared.timeMs + settings.plainMs(p.protocol, replied),
        status: replied ? status | ASSURED : status,
      });
      return undefined;
    }
    default:
      if (isIcmp(p.protocol)) {
        if ((p.protocol === protocol.ICMP) !== (p.family === 'ipv4')) return 'icmp-family';
        if (!isIcmpRequest(p.protocol, entry.original.dport >>> 8)) return 'icmp-type';
      }
      keep({ expiresMs: w.shared.timeMs + settings.plainMs(p.protocol, (status & SEEN_REPLY) !== 0) });
      return undefined;
  }
}

/** nf_conntrack_confirm(): the entry of a packet that got through becomes permanent. False: the packet is lost. */
export function confirm(w: Walk): boolean {
  const entry = w.ct;
  if (!entry || entry.status & CONFIRMED || w.connection.direction !== 'original') return true;
  if (entry.status & DYING) return false;
  // nf_ct_key_equal(), in the bucket of each half: zones are compared as they count in the direction that was found.
  const { zoneOriginal, zoneReply } = entry;
  const taken = (key: string, zone: number): boolean => {
    const found = findTuple(w.shared, key);
    return found !== undefined && (found.direction === 'original' ? zoneOriginal : zoneReply) === zone;
  };
  if (taken(originalKey(entry), zoneOriginal) || taken(replyKey(entry), zoneReply)) return false;
  const confirmed: Entry = { ...entry, status: entry.status | CONFIRMED };
  insertEntry(w.shared, confirmed);
  w.attach(confirmed, w.connection.state, w.connection.direction);
  w.emit({ kind: 'confirmed', entry: confirmed.id });
  return true;
}
