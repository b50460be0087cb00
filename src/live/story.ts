/**
 * Puts the records of the kernel's trace together into the ways of packets. The records of our own table tell where
 * hooks begin and end; several packets may be on their way at once, since the kernel makes an answer to a packet
 * while that is still in its hook.
 */

import type { Hook } from '../model/netfilter.ts';
import type { Packet } from '../model/packet.ts';
import type { PacketWay, WayRecord } from '../trace/kernel-run.ts';
import { packetOfBytes, packetOfFrame } from './frames.ts';
import { concat } from './netlink.ts';
import type { TraceRecord } from './nft-trace.ts';
import { ownTable } from './own-table.ts';

/** What the machine is like, as far as its trace is concerned. */
export interface Stage {
  /** Interface names by number. */
  readonly names: ReadonlyMap<number, string>;
  /** Number of a rule in its chain, by `ruleKey`. */
  readonly ruleNumbers: ReadonlyMap<string, number>;
  /** What REJECT rules answer with, by `TABLE/CHAIN#NUMBER`. */
  readonly rejects: ReadonlyMap<string, string>;
}

/** A frame that left the machine. */
export interface SentFrame {
  readonly interfaceName: string;
  readonly bytes: Uint8Array;
}

/** All that was seen of one packet that was sent. */
export interface Observation {
  readonly records: readonly TraceRecord[];
  readonly frames: readonly SentFrame[];
  /** Sent by the machine itself; else it arrived. */
  readonly local: boolean;
  /** The packet was a part of a larger one. */
  readonly fragment: boolean;
  /** Name of the error that sending met. */
  readonly errno: string | undefined;
}

const endings: readonly string[] = ['drop', 'stolen', 'queue'];

/** A packet on its way. */
class Track {
  readonly records: WayRecord[] = [];
  readonly passedHooks: Hook[] = [];
  id: number;
  /** Where it is, if in a hook. */
  hook: Hook | undefined;
  /** The hook that it passed last, when outside of hooks. */
  passed: Hook | undefined;
  outInterface: string | undefined;
  verdict: string | undefined;
  delivered = false;
  mark = 0;
  /** The last record that held bytes of the packet. */
  seen: TraceRecord | undefined;
  /** The last record that told of a connection. */
  known: TraceRecord | undefined;

  constructor(id: number) {
    this.id = id;
  }

  note(record: TraceRecord): void {
    this.mark = record.mark;
    if (record.header !== undefined) this.seen = record;
    if (record.ctState !== undefined) this.known = record;
  }

  /** The packet as the trace told it last. */
  packet(): Packet | undefined {
    const { header, transport } = this.seen ?? {};
    return header && packetOfBytes(withWholeLength(concat([header, transport ?? new Uint8Array()])));
  }
}

/** The trace cuts packets; the rest is taken for zeros. */
function withWholeLength(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 20) return bytes;
  const at = (index: number): number => ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  const length = (bytes[0] ?? 0) >>> 4 === 6 ? 40 + at(4) : at(2);
  return concat([bytes, new Uint8Array(Math.max(0, length - bytes.length))]).subarray(0, length);
}

/** All packets of one observation: the one that was sent, then those that the kernel made. */
export function tellStory(stage: Stage, seen: Observation): readonly PacketWay[] {
  const tracks: Track[] = [];
  const find = (record: TraceRecord, fits: (track: Track) => boolean): Track | undefined => {
    const candidates = tracks.filter(fits);
    return candidates.findLast((track) => track.id === record.id) ?? candidates.at(-1);
  };
  const start = (record: TraceRecord): Track => {
    const track = new Track(record.id);
    tracks.push(track);
    return track;
  };
  const entering = (record: TraceRecord, hook: Hook): Track => {
    if (hook === 'OUTPUT') return start(record);
    if (hook === 'PREROUTING') {
      const onLoopback = nameOf(stage, record.inIndex) === 'lo';
      const waiting = tracks.find(
        (t) => onLoopback && t.passed === 'POSTROUTING' && t.outInterface === 'lo' && t.hook === undefined,
      );
      return waiting ?? start(record);
    }
    const before = { INPUT: ['PREROUTING'], FORWARD: ['PREROUTING'], POSTROUTING: ['FORWARD', 'OUTPUT'] }[
      hook
    ];
    const track = find(
      record,
      (t) => t.hook === undefined && t.verdict === undefined && before.includes(t.passed ?? ''),
    );
    return track ?? start(record);
  };
  const boundary = (record: TraceRecord): void => {
    const [when, name] = record.chain.split('_');
    const hook = name as Hook;
    if (when === 'deliver') {
      const track = find(record, (t) => t.passed === 'INPUT' && t.hook === undefined && !t.delivered);
      track?.note(record);
      if (track) track.delivered = true;
    } else if (when === 'post') {
      const track = find(record, (t) => t.hook === hook);
      if (!track) return;
      track.note(record);
      track.passed = hook;
      track.hook = undefined;
    } else {
      const track = entering(record, hook);
      track.id = record.id;
      track.hook = hook;
      track.passed = undefined;
      track.passedHooks.push(hook);
      if (hook === 'POSTROUTING') track.outInterface = nameOf(stage, record.outIndex);
      track.note(record);
    }
  };
  const chatter = new Set<number>();
  for (const record of seen.records) {
    const isFirst = seen.local && tracks.length === 0;
    if (record.chain === 'pre_OUTPUT' && !isFirst && isSmallTalk(record)) chatter.add(record.id);
    if (chatter.has(record.id)) continue;
    if (record.table === ownTable) {
      if (record.kind === 'rule' && record.rule !== undefined) boundary(record);
      continue;
    }
    const track = find(record, (t) => t.hook !== undefined);
    if (!track) continue;
    track.note(record);
    if (record.kind === 'end' || (record.kind === 'rule' && record.rule === undefined)) continue;
    const number = record.kind === 'policy' ? undefined : stage.ruleNumbers.get(record.rule ?? '');
    const { table, chain, verdict, to, mark } = record;
    track.records.push({ table, chain, number, verdict, to, mark });
    if (endings.includes(verdict)) {
      track.verdict = verdict;
      track.passed = undefined;
      track.hook = undefined;
    }
  }
  const frames = [...seen.frames];
  const [main, ...generated] = tracks;
  const ways = [main ? endOf(main, stage, frames) : withoutTrace(seen)];
  for (const track of generated) ways.push(endOf(track, stage, frames));
  const [first] = ways;
  return first === undefined ? [] : [{ ...first, errno: seen.errno }, ...ways.slice(1)];
}

/** Multicast listener reports and redirects: what a machine says of itself in IPv6, whatever is set. */
function isSmallTalk({ header, transport }: TraceRecord): boolean {
  if (header === undefined || (header[0] ?? 0) >>> 4 !== 6) return false;
  return header[6] === 0 || (header[6] === 58 && [133, 135, 136, 137, 143].includes(transport?.[0] ?? 0));
}

function nameOf(stage: Stage, index: number | undefined): string | undefined {
  return index === undefined ? undefined : stage.names.get(index);
}

const nothing = {
  records: [],
  after: undefined,
  rejectWith: undefined,
  outInterface: undefined,
  packet: undefined,
  ctState: undefined,
  direction: undefined,
  errno: undefined,
} as const;

/** What became of a packet that the trace does not know. */
function withoutTrace({ local, fragment }: Observation): PacketWay {
  return { ...nothing, end: local ? 'send-error' : fragment ? 'queued' : 'ingress-drop' };
}

function endOf(track: Track, stage: Stage, frames: SentFrame[]): PacketWay {
  const way: PacketWay = {
    ...nothing,
    records: track.records,
    after: track.passedHooks.at(-1),
    ctState: track.known?.ctState,
    direction: track.known?.ctStatus === undefined ? undefined : track.known.ctReply ? 'reply' : 'original',
    end: 'route-drop',
  };
  const marked = (packet: Packet | undefined): Packet | undefined =>
    packet && { ...packet, mark: track.mark };
  if (track.verdict !== undefined) {
    const last = track.records.at(-1);
    const rejectWith = last && stage.rejects.get(`${last.table}/${last.chain}#${last.number ?? 0}`);
    if (track.verdict === 'drop' && rejectWith !== undefined) return { ...way, end: 'reject', rejectWith };
    return { ...way, end: track.verdict as 'drop' | 'queue' | 'stolen' };
  }
  if (track.delivered) return { ...way, end: 'local', packet: marked(track.packet()) };
  if (track.passed === 'POSTROUTING' && track.outInterface !== 'lo') {
    const packet = takeFrame(track, frames);
    if (!packet) return { ...way, end: 'lost' };
    const end = track.passedHooks.includes('FORWARD') ? 'forward' : 'sent';
    return { ...way, end, outInterface: track.outInterface, packet: marked(packet) };
  }
  if (track.hook !== undefined) return { ...way, end: 'hook-drop' };
  return { ...way, end: track.passed === 'PREROUTING' || track.passed === 'OUTPUT' ? 'route-drop' : 'lost' };
}

/** The frame in which a packet left; of several fragments the first, and all are taken. */
function takeFrame(track: Track, frames: SentFrame[]): Packet | undefined {
  const key = track.seen?.header && packetKey(track.seen.header);
  const isMine = (frame: SentFrame): boolean =>
    frame.interfaceName === track.outInterface && packetKey(frame.bytes.subarray(14)) === key;
  const first = frames.find(isMine);
  if (!first) return undefined;
  const packet = packetOfFrame(first.bytes);
  if (packet?.moreFragments !== true) frames.splice(frames.indexOf(first), 1);
  else for (const frame of frames.filter(isMine)) frames.splice(frames.indexOf(frame), 1);
  return packet;
}

/** What tells one emitted packet from another; fragments of one packet have the same. */
function packetKey(bytes: Uint8Array): string {
  if ((bytes[0] ?? 0) >>> 4 === 6) return bytes.subarray(8, 40).join('.');
  return [...bytes.subarray(4, 6), bytes[9], ...bytes.subarray(12, 20)].join('.');
}
