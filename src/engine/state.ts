/** What a machine remembers between packets, as one immutable value. */

import type { Connection } from '../model/connection.ts';
import type { CtDirection } from '../model/netfilter.ts';
import type { Packet } from '../model/packet.ts';
import type { ProtocolState } from './conntrack/protocol-state.ts';
import { PersistentMap } from './persistent-map.ts';

/** A conntrack entry with what the engine needs beyond what matches see. */
export interface Entry extends Connection {
  /** Identity within the state, counted from 1. */
  readonly id: number;
  readonly protocolState: ProtocolState;
  /** Zone per direction, where a template gave the entry one direction only. */
  readonly zoneOriginal: number;
  readonly zoneReply: number;
  /** Interface of a MASQUERADE mapping: the connection ends if it leaves by another. */
  readonly masqueradeInterface: string | undefined;
  /** Milliseconds of simulated time when the entry was made. */
  readonly createdMs: number;
}

/** What may become different in an entry. */
export type EntryChange = Partial<
  Pick<
    Entry,
    | 'reply'
    | 'status'
    | 'mark'
    | 'packets'
    | 'bytes'
    | 'expiresMs'
    | 'closed'
    | 'protocolState'
    | 'masqueradeInterface'
  >
>;

/** The entry with a change; undefined changes nothing. Spreading changes of many shapes would take several times as long. */
export function changeEntry(entry: Entry, change: EntryChange): Entry {
  const next: { -readonly [K in keyof Entry]: Entry[K] } = { ...entry };
  if (change.reply !== undefined) next.reply = change.reply;
  if (change.status !== undefined) next.status = change.status;
  if (change.mark !== undefined) next.mark = change.mark;
  if (change.packets !== undefined) next.packets = change.packets;
  if (change.bytes !== undefined) next.bytes = change.bytes;
  if (change.expiresMs !== undefined) next.expiresMs = change.expiresMs;
  if (change.closed !== undefined) next.closed = change.closed;
  if (change.protocolState !== undefined) next.protocolState = change.protocolState;
  if (change.masqueradeInterface !== undefined) next.masqueradeInterface = change.masqueradeInterface;
  return next;
}

/** Where a tuple of the table leads. */
export interface TupleTarget {
  readonly entry: number;
  readonly direction: CtDirection;
}

/** Fragments of one packet that wait for the rest. */
export interface FragmentQueue {
  readonly fragments: readonly Packet[];
  readonly expiresMs: number;
}

/** A member that SET targets added or removed, in front of what the machine gave. */
export type SetStates = ReadonlyMap<string, unknown>;

/** See the head of this file. Obtain a first one from {@link emptyState}. */
export interface SimulationState {
  /** Confirmed connections by their number as text. */
  readonly entries: PersistentMap<Entry>;
  /** Both tuples of each confirmed connection, by tuple key. */
  readonly tuples: PersistentMap<TupleTarget>;
  /** Numbers of the connections from one source, by source key, the newest first. */
  readonly sources: PersistentMap<readonly number[]>;
  readonly nextEntry: number;
  /** Slots of stateful matches (`limit`, `recent` lists …), by name. */
  readonly slots: PersistentMap<unknown>;
  readonly fragments: PersistentMap<FragmentQueue>;
}

/** No connections, untouched limits, nothing waiting. */
export function emptyState(): SimulationState {
  return {
    entries: PersistentMap.empty(),
    tuples: PersistentMap.empty(),
    sources: PersistentMap.empty(),
    nextEntry: 1,
    slots: PersistentMap.empty(),
    fragments: PersistentMap.empty(),
  };
}
