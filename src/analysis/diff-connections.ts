/** Connections that live now and would not live on under the new rules. */

import { decidedBy } from '../engine/decided-by.ts';
import { type Branch, explore } from '../engine/explore.ts';
import { isOwnAddress } from '../engine/facts.ts';
import { type KnownConnection, stateWithConnection } from '../engine/known-connections.ts';
import { emptyState, type Program, simulate } from '../engine/simulate.ts';
import type { Tape } from '../engine/tape.ts';
import { makePacket } from '../expression/make-packet.ts';
import { type Connection, ctStatusBit, type Tuple } from '../model/connection.ts';
import type { CtDirection } from '../model/netfilter.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import type { EntryPoint, Fate, PolicyRef, RuleRef } from '../model/trace.ts';
import { type Address, sameAddress } from '../net/address.ts';
import { addressText, parseIpv4, parseIpv6 } from '../net/address-text.ts';
import { witnessAddresses } from '../net/documentation.ts';
import { hasPorts } from '../net/protocols.ts';
import type { Meter } from '../support/budget.ts';

/** Whose connections come first: an address, and the port that his connection comes from. */
export interface RemoteEnd {
  readonly address: Address;
  readonly port: number | undefined;
}

/** Reads `ADDRESS`, `ADDRESS:PORT`, `[ADDRESS]:PORT`; undefined for anything else. */
export function parseRemoteEnd(text: string): RemoteEnd | undefined {
  const [, inner, port] =
    /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([\d.]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = inner ?? text;
  const address = parseIpv4(host) ?? parseIpv6(host);
  const number = port === undefined ? undefined : Number(port);
  if (address === undefined || (number !== undefined && (number === 0 || number > 65_535))) return undefined;
  return { address, port: number };
}

/** A connection that would be cut off. */
export interface LostConnection {
  readonly connection: Connection;
  /** One of the asker's own. */
  readonly own: boolean;
  /** Nobody listed it: it is what `--as-remote` speaks of. */
  readonly assumed: boolean;
  /** The direction whose packets are stopped first. */
  readonly direction: CtDirection;
  /** False: only for some answers to what is not known. */
  readonly certain: boolean;
  /** How the packet ends under the new rules, and who decides. */
  readonly fate: Fate;
  readonly by: RuleRef | PolicyRef | undefined;
}

/** What was looked at, and what would be lost, the asker's own first. */
export interface ConnectionsDiff {
  readonly looked: number;
  readonly lost: readonly LostConnection[];
}

/** What {@link lostConnections} is told. */
export interface ConnectionsQuestion {
  readonly old: Program;
  readonly new: Program;
  /** As `conntrack -L` listed them; undefined: nobody listed any. */
  readonly listed: readonly KnownConnection[] | undefined;
  readonly remote?: RemoteEnd;
  readonly meter?: Meter;
}

const passes = ({ trace: { fate } }: Branch): boolean =>
  fate.kind === 'local' || fate.kind === 'forward' || fate.kind === 'sent';

const icmpProtocols: readonly number[] = [1, 58];

/** A packet of this direction in the middle of the connection. */
function packetOf(t: Tuple): Packet {
  return makePacket({
    family: t.src.family,
    src: t.src,
    dst: t.dst,
    protocol: t.protocol,
    ...(hasPorts(t.protocol) ? { sport: t.sport, dport: t.dport } : {}),
    ...(t.protocol === 6 ? { tcpFlags: tcpFlag.ACK, ack: 1000 } : {}),
    ...(icmpProtocols.includes(t.protocol)
      ? { icmpType: t.dport >>> 8, icmpCode: t.dport & 255, icmpId: t.sport, icmpSeq: 2 }
      : {}),
  });
}

const forks = 16;

/** Whether an address is this machine's, as far as that is known. */
function isOwn({ facts }: Program, a: Address): boolean | undefined {
  if (isOwnAddress(facts, a)) return true;
  const told = facts.locality.get(addressText(a));
  if (told !== undefined) return told.local;
  return facts.interfacesKnown ? false : undefined;
}

/** Interfaces by which packets of this source may come: by the routes, else every one that is known or named. */
function waysIn(program: Program, packet: Packet): readonly string[] {
  const back: Packet = {
    ...packet,
    src: packet.dst,
    dst: packet.src,
    sport: packet.dport,
    dport: packet.sport,
  };
  if (program.facts.fib[packet.family] !== undefined) {
    const { trace } = simulate(program, emptyState(), back, { kind: 'local' }, undefined);
    const route = trace.events.find((e) => e.kind === 'route');
    const out = route?.kind === 'route' ? route.decision.outInterface : undefined;
    if (out !== undefined) return [out];
  }
  const names = [...program.facts.interfaces.keys(), ...program.namedInterfaces].filter((n) => n !== 'lo');
  return names.length === 0 ? ['eth0'] : [...new Set(names)];
}

interface Crossing {
  readonly entry: EntryPoint;
  readonly tape: Tape;
}

/** What becomes of a packet that the old rules let pass; undefined: it lives on. */
function stoppedBy(
  { old, new: now }: ConnectionsQuestion,
  known: KnownConnection,
  packet: Packet,
  crossings: readonly Crossing[],
): { readonly stopped: Branch | undefined; readonly certain: boolean; readonly way: Branch | undefined } {
  const state = stateWithConnection(known);
  const walk = (program: Program, { entry, tape }: Crossing): readonly Branch[] =>
    explore(program, state, packet, entry, 0, tape, { forks }).branches;
  for (const crossing of crossings) {
    const way = walk(old, crossing).find(passes);
    if (way === undefined) continue;
    const after = walk(now, { ...crossing, tape: { ...crossing.tape, ...sharedAnswers(way.tape) } });
    const stopped = after.find((b) => !passes(b));
    return { stopped, certain: stopped !== undefined && !after.some(passes), way };
  }
  return { stopped: undefined, certain: false, way: undefined };
}

/** Answers about the world, not about single rules, which may be others on the other side. */
function sharedAnswers(tape: Tape): Tape {
  return Object.fromEntries(Object.entries(tape).filter(([key]) => !/^(rule|target):/.test(key)));
}

function lookAt(
  q: ConnectionsQuestion,
  known: KnownConnection,
  own: boolean,
  assumed: boolean,
): LostConnection | undefined {
  const { connection } = known;
  const lost = (direction: CtDirection, stopped: Branch, certain: boolean): LostConnection => ({
    connection,
    own,
    assumed,
    direction,
    certain,
    fate: stopped.trace.fate,
    by: decidedBy(stopped.trace),
  });
  const { original, reply } = connection;
  const there = packetOf(original);
  // Who administers this machine has a connection to it.
  const tape: Tape = own ? { [`local:${addressText(original.dst)}`]: 'yes' } : {};
  const arrivals = waysIn(q.old, there).map(
    (inInterface): Crossing => ({ entry: { kind: 'arrives', inInterface }, tape }),
  );
  const sent: Crossing = { entry: { kind: 'local' }, tape };
  const mine = isOwn(q.old, original.src);
  const first = stoppedBy(
    q,
    known,
    there,
    mine === true ? [sent] : mine === false ? arrivals : [...arrivals, sent],
  );
  if (first.stopped !== undefined) return lost('original', first.stopped, first.certain);
  if (first.way === undefined) return undefined;
  // Answers come from where the packets went.
  const { fate } = first.way.trace;
  const entry: EntryPoint =
    fate.kind === 'forward' || fate.kind === 'sent'
      ? { kind: 'arrives', inInterface: fate.outInterface }
      : { kind: 'local' };
  const back = stoppedBy(q, known, packetOf(reply), [{ entry, tape: sharedAnswers(first.way.tape) }]);
  return back.stopped === undefined ? undefined : lost('reply', back.stopped, back.certain);
}

/** The connection by which somebody at this end administers the machine: SSH, on the port where it listens. */
function assumedConnections({ old }: ConnectionsQuestion, remote: RemoteEnd): readonly KnownConnection[] {
  const { facts, machine } = old;
  const { family } = remote.address;
  const ports = (machine.listeners.value ?? [])
    .filter((l) => l.protocol === 6 && /^sshd?\b/.test(l.process ?? ''))
    .map((l) => l.port);
  const own = [...facts.interfaces.values()]
    .filter((i) => i.name !== 'lo')
    .flatMap((i) => i.addresses.filter((a) => a.address.family === family && a.scope === 'global'))
    .map((a) => a.address);
  const told = machine.localAddresses.map((f) => f.value).filter((a) => a.family === family);
  const made = witnessAddresses(family).find((a) => !sameAddress(a, remote.address));
  const addresses = own.length > 0 ? own : told.length > 0 ? told : made === undefined ? [] : [made];
  return addresses.flatMap((address) =>
    [...new Set(ports.length > 0 ? ports : [22])].map((port): KnownConnection => {
      const sport = remote.port ?? 40_000;
      const original: Tuple = { src: remote.address, dst: address, protocol: 6, sport, dport: port };
      const reply: Tuple = { src: address, dst: remote.address, protocol: 6, sport: port, dport: sport };
      const { CONFIRMED, ASSURED, SEEN_REPLY, SRC_NAT_DONE, DST_NAT_DONE } = ctStatusBit;
      return {
        tcpState: 'ESTABLISHED',
        connection: {
          original,
          reply,
          status: CONFIRMED | ASSURED | SEEN_REPLY | SRC_NAT_DONE | DST_NAT_DONE,
          mark: 0,
          zone: 0,
          helper: undefined,
          labels: [],
          packets: { original: 1, reply: 1 },
          bytes: { original: 40, reply: 40 },
          expiresMs: 0,
          master: undefined,
        },
      };
    }),
  );
}

/** Connections that would be cut off; undefined where none were listed and nobody asked for his own. */
export function lostConnections(q: ConnectionsQuestion): ConnectionsDiff | undefined {
  const { remote, listed = [] } = q;
  const isMine = ({ connection }: KnownConnection): boolean =>
    remote !== undefined &&
    [connection.original, connection.reply].some(
      (t) => sameAddress(t.src, remote.address) && (remote.port === undefined || t.sport === remote.port),
    );
  const mine = listed.filter(isMine);
  const assumed = remote !== undefined && mine.length === 0 ? assumedConnections(q, remote) : [];
  if (q.listed === undefined && remote === undefined) return undefined;
  const lost: LostConnection[] = [];
  let looked = 0;
  const look = (list: readonly KnownConnection[], own: boolean, isAssumed: boolean): void => {
    for (const known of list) {
      if (q.meter?.spend('steps') === false) return;
      looked++;
      const found = lookAt(q, known, own, isAssumed);
      if (found !== undefined) lost.push(found);
    }
  };
  look(mine, true, false);
  look(assumed, true, true);
  look(
    listed.filter((k) => !isMine(k)),
    false,
    false,
  );
  return { looked, lost };
}
