/**
 * Tracking of SCTP.
 *
 * Source: net/netfilter/nf_conntrack_proto_sctp.c; RFC 9260 §8.5.
 */

import type { CtDirection } from '../../model/netfilter.ts';
import type { Packet } from '../../model/packet.ts';
import type { SctpState, SctpTrack } from './protocol-state.ts';

interface Chunk {
  readonly type: number;
  readonly flags: number;
  readonly bytes: number;
  /** Initiate tag of INIT and INIT ACK. */
  readonly initTag: number;
}

const DATA = 0;
const INIT = 1;
const INIT_ACK = 2;
const HEARTBEAT = 4;
const HEARTBEAT_ACK = 5;
const ABORT = 6;
const SHUTDOWN = 7;
const SHUTDOWN_ACK = 8;
const ERROR = 9;
const COOKIE_ECHO = 10;
const COOKIE_ACK = 11;
const SHUTDOWN_COMPLETE = 14;

/** Rows of the transition table by chunk type; other types change nothing. */
const rowOf: Readonly<Record<number, number>> = {
  [INIT]: 0,
  [INIT_ACK]: 1,
  [ABORT]: 2,
  [SHUTDOWN]: 3,
  [SHUTDOWN_ACK]: 4,
  [ERROR]: 5,
  [COOKIE_ECHO]: 6,
  [COOKIE_ACK]: 7,
  [SHUTDOWN_COMPLETE]: 8,
  [HEARTBEAT]: 9,
  [HEARTBEAT_ACK]: 10,
};

const names: Readonly<Record<string, SctpState | 'INVALID'>> = {
  NO: 'NONE',
  CL: 'CLOSED',
  CW: 'COOKIE_WAIT',
  CE: 'COOKIE_ECHOED',
  ES: 'ESTABLISHED',
  SS: 'SHUTDOWN_SENT',
  SR: 'SHUTDOWN_RECD',
  SA: 'SHUTDOWN_ACK_SENT',
  HS: 'HEARTBEAT_SENT',
  IV: 'INVALID',
};

const columns: readonly SctpState[] = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
];

const rows = (texts: readonly string[]): (SctpState | 'INVALID')[][] =>
  texts.map((row) => row.split(' ').map((c) => names[c] ?? 'INVALID'));

const transitions: Readonly<Record<CtDirection, (SctpState | 'INVALID')[][]>> = {
  original: rows([
    'CL CL CW CE ES CL CL SA CW',
    'CL CL CW CE ES SS SR SA CL',
    'CL CL CL CL CL CL CL CL CL',
    'CL CL CW CE SS SS SR SA CL',
    'SA CL CW CE ES SA SA SA SA',
    'CL CL CW CE ES SS SR SA CL',
    'CL CL CE CE ES SS SR SA CL',
    'CL CL CW ES ES SS SR SA CL',
    'CL CL CW CE ES SS SR CL CL',
    'HS CL CW CE ES SS SR SA HS',
    'CL CL CW CE ES SS SR SA HS',
  ]),
  reply: rows([
    'IV CL CW CE ES CL CL SA IV',
    'IV CW CW CE ES SS SR SA IV',
    'IV CL CL CL CL CL CL CL IV',
    'IV CL CW CE SR SS SR SA IV',
    'IV CL CW CE ES SA SA SA IV',
    'IV CL CW CL ES SS SR SA IV',
    'IV CL CE CE ES SS SR SA IV',
    'IV CL CW ES ES SS SR SA IV',
    'IV CL CW CE ES SS SR CL IV',
    'IV CL CW CE ES SS SR SA HS',
    'IV CL CW CE ES SS SR SA ES',
  ]),
};

function nextState(direction: CtDirection, state: SctpState, type: number): SctpState | 'INVALID' {
  const row = rowOf[type];
  if (row === undefined) return state;
  return transitions[direction][row]?.[columns.indexOf(state)] ?? 'INVALID';
}

function chunksOf(packet: Packet): readonly Chunk[] | undefined {
  const hex = packet.sctpChunks;
  const chunks: Chunk[] = [];
  const byte = (i: number): number => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  for (let at = 0; at * 2 + 8 <= hex.length; ) {
    const bytes = byte(at + 2) * 256 + byte(at + 3);
    if (bytes === 0) return undefined;
    const tag = hex.slice(at * 2 + 8, at * 2 + 16);
    chunks.push({
      type: byte(at),
      flags: byte(at + 1),
      bytes,
      initTag: tag.length === 8 ? Number.parseInt(tag, 16) : 0,
    });
    at += (bytes + 3) & ~3;
  }
  return chunks;
}

/** do_basic_checks(): some chunks must be alone or first. */
function plausible(chunks: readonly Chunk[] | undefined): chunks is readonly Chunk[] {
  if (!chunks || chunks.length === 0) return false;
  let alone = false;
  for (const [i, c] of chunks.entries()) {
    if (c.type === INIT || c.type === INIT_ACK || c.type === SHUTDOWN_COMPLETE) alone = true;
    if ((c.type === COOKIE_ACK || c.type === COOKIE_ECHO || alone) && i !== 0) return false;
  }
  return true;
}

/** What the tracker makes of a packet that it takes. */
export interface SctpResult {
  readonly verdict: 'accept' | 'invalid';
  readonly track: SctpTrack;
  readonly assured: boolean;
  /** A repeated INIT or a stray heartbeat passes, but neither renews the time nor counts. */
  readonly ignored: boolean;
}

function newTrack(chunks: readonly Chunk[], packet: Packet): SctpTrack | undefined {
  if (chunks.some((c) => c.type === ABORT || c.type === SHUTDOWN_COMPLETE || c.type === COOKIE_ACK))
    return undefined;
  let tagOriginal = 0;
  let tagReply = 0;
  for (const c of chunks) {
    const state = nextState('original', 'NONE', c.type);
    if (state === 'NONE' || state === 'INVALID') return undefined;
    if (c.type === INIT) {
      if (packet.sctpTag !== 0) return undefined;
      tagReply = c.initTag;
    } else if (c.type === HEARTBEAT) tagOriginal = packet.sctpTag;
    else if (c.type === SHUTDOWN_ACK) tagReply = packet.sctpTag;
  }
  return {
    kind: 'sctp',
    state: 'NONE',
    tagOriginal,
    tagReply,
    initOriginal: false,
    initReply: false,
    strayHeartbeat: undefined,
  };
}

/** nf_conntrack_sctp_packet(). `track` undefined: the packet has no entry yet. */
export function trackSctp(
  track: SctpTrack | undefined,
  packet: Packet,
  direction: CtDirection,
): SctpResult | undefined {
  const chunks = chunksOf(packet);
  if (!plausible(chunks)) return undefined;
  const start = track ?? newTrack(chunks, packet);
  if (!start) return undefined;
  const tags = { original: start.tagOriginal, reply: start.tagReply };
  const init = { original: start.initOriginal, reply: start.initReply };
  const other: CtDirection = direction === 'original' ? 'reply' : 'original';
  const has = (type: number): boolean => chunks.some((c) => c.type === type);
  const tag = packet.sctpTag;
  const exempt = [INIT, SHUTDOWN_COMPLETE, COOKIE_ECHO, ABORT, SHUTDOWN_ACK, HEARTBEAT, HEARTBEAT_ACK];
  if (!exempt.some(has) && tag !== tags[direction]) return undefined;

  let state = start.state;
  let assured = false;
  let ignored = false;
  let stray = start.strayHeartbeat;
  for (const c of chunks) {
    const reflected = (c.flags & 1) !== 0;
    if (c.type === INIT) {
      if (tag !== 0) return undefined;
    } else if (c.type === ABORT || c.type === SHUTDOWN_COMPLETE) {
      if (tag !== tags[reflected ? other : direction]) return undefined;
    } else if (c.type === COOKIE_ECHO) {
      if (tag !== tags[direction]) return undefined;
    } else if (c.type === COOKIE_ACK) {
      init.original = false;
      init.reply = false;
    } else if (c.type === HEARTBEAT || c.type === HEARTBEAT_ACK) {
      if (tags[direction] === 0) tags[direction] = tag;
      else if (tag === tags[direction]) stray = undefined;
      else if (has(DATA) || ignored) return undefined;
      else if (c.type === HEARTBEAT) {
        // Let through once: if the other side answers with its own tag, the tags are those.
        stray = direction;
        ignored = true;
        continue;
      } else {
        if (stray !== other) return undefined;
        stray = undefined;
        tags[direction] = tag;
        tags[other] = 0;
      }
    }
    const old = state;
    const next = nextState(direction, old, c.type);
    if (next === 'INVALID') return undefined;
    if (c.type === INIT) {
      if (init[direction] && init[other]) init[other] = false;
      init[direction] = true;
      tags[other] = c.initTag;
      if (next === 'CLOSED' && old === 'CLOSED' && track) ignored = true;
    } else if (c.type === INIT_ACK) {
      const known = tags[other];
      if (!init[other] && known !== 0 && known !== c.initTag) return undefined;
      if (init[direction] && init[other] && known !== c.initTag) return undefined;
      tags[other] = c.initTag;
    }
    state = next;
    if (old !== state && state === 'ESTABLISHED') assured = true;
  }
  return {
    verdict: 'accept',
    assured,
    ignored,
    track: {
      kind: 'sctp',
      state,
      tagOriginal: tags.original,
      tagReply: tags.reply,
      initOriginal: init.original,
      initReply: init.reply,
      strayHeartbeat: stray,
    },
  };
}
