/** A state that holds connections from elsewhere: what `conntrack -L` told. */

import { type Connection, ctStatusBit } from '../model/connection.ts';
import { type ProtocolState, type TcpSide, tcpSideFlag, tcpStates } from './conntrack/protocol-state.ts';
import { sourceKey, tupleKey } from './conntrack/tuple.ts';
import { type Entry, emptyState, type SimulationState } from './state.ts';

/** A connection, and the state of TCP as `conntrack -L` names it. */
export interface KnownConnection {
  readonly connection: Connection;
  readonly tcpState: string | undefined;
}

/** Windows are not told, so every segment is taken to lie within, as for a connection picked up in the middle. */
const openSide: TcpSide = {
  end: 0,
  maxEnd: 0,
  maxWindow: 0,
  maxAck: 0,
  scale: 0,
  flags: tcpSideFlag.BE_LIBERAL,
};

function protocolStateOf({ connection, tcpState }: KnownConnection): ProtocolState {
  if (connection.original.protocol !== 6) return { kind: 'plain' };
  return {
    kind: 'tcp',
    state: tcpStates.find((s) => s === tcpState) ?? 'ESTABLISHED',
    original: openSide,
    reply: openSide,
    lastDirection: 'reply',
    lastIndex: 3,
    lastSeq: 0,
    lastAck: 0,
    lastEnd: 0,
    lastWindow: 0,
    lastScale: 0,
    lastFlags: 0,
    retransmissions: 0,
  };
}

/** Remembers one connection and nothing else; it does not end while walks go on. */
export function stateWithConnection(known: KnownConnection): SimulationState {
  const { connection } = known;
  const entry: Entry = {
    ...connection,
    status: connection.status | ctStatusBit.CONFIRMED,
    expiresMs: Number.POSITIVE_INFINITY,
    id: 1,
    zoneOriginal: connection.zone,
    zoneReply: connection.zone,
    protocolState: protocolStateOf(known),
    masqueradeInterface: undefined,
    createdMs: 0,
  };
  const empty = emptyState();
  return {
    ...empty,
    nextEntry: 2,
    entries: empty.entries.with('1', entry),
    tuples: empty.tuples
      .with(tupleKey(entry.original, entry.zone), { entry: 1, direction: 'original' })
      .with(tupleKey(entry.reply, entry.zone), { entry: 1, direction: 'reply' }),
    sources: empty.sources.with(sourceKey(entry.original, entry.zone), [1]),
  };
}
