/** Conditions on the ports of TCP and UDP, and what the nft back end makes of them. */

import type { PacketSet, PacketSpace } from '../packetset/space.ts';
import { rangePackets } from './conditions.ts';
import type { ColumnTest, PrintContext } from './define.ts';
import { type NumberRange, numberRangeText } from './option-types.ts';
import { option } from './printed-words.ts';

/** A port condition; a full range that is not negated is no condition. */
export interface PortCondition extends NumberRange {
  readonly negated: boolean;
}

/** Conditions on both ports, ANDed. */
export interface PortConditions {
  readonly sport: PortCondition | undefined;
  readonly dport: PortCondition | undefined;
  /** The nft back end compares both ports as one number: see {@link joinedPorts}. Absent: it does not. */
  readonly portsJoined?: true;
}

const isFull = (c: PortCondition): boolean => c.low === 0 && c.high === 65535;

/**
 * A condition that matches every packet is no condition. The nft back end keeps ports as native expressions, where
 * an inverted range from zero becomes the other part (`native`).
 *
 * Source: iptables 1.8.9 iptables/nft.c add_nft_tcpudp().
 */
export function portCondition(
  bound: { readonly value: NumberRange; readonly negated: boolean } | undefined,
  native: boolean,
): PortCondition | undefined {
  if (!bound) return undefined;
  const { low, high } = bound.value;
  const { negated } = bound;
  if (low === 0 && high === 65535) return negated ? { low, high, negated } : undefined;
  return native && negated && low === 0 && high > 0
    ? { low: high + 1, high: 65535, negated: false }
    : { low, high, negated };
}

/** Prints a port condition of tcp and udp. The nft back end drops an inverted full range. */
export function printPortCondition(
  name: string,
  condition: PortCondition | undefined,
  context: PrintContext,
): readonly string[] {
  if (!condition || (isFull(condition) && !context.keepMeaning)) return [];
  return [option(name, numberRangeText(condition), condition.negated)];
}

/**
 * Whether conditions on ports leave nothing in the nft back end: inverted full ranges only. Without any condition
 * at all it keeps the match as it was written.
 */
export function portsVanish(sport: PortCondition | undefined, dport: PortCondition | undefined): boolean {
  const given = [sport, dport].filter((c) => c !== undefined);
  return given.length > 0 && given.every(isFull);
}

/** Columns of one port condition: the interval it needs, if it is not negated. */
export function portColumns(
  column: 'sport' | 'dport',
  condition: PortCondition | undefined,
): readonly ColumnTest[] {
  return condition && !condition.negated ? [{ column, low: condition.low, high: condition.high }] : [];
}

/**
 * Whether iptables-nft compares source and destination port in one go. It does where both are single ports with the
 * same `!`, and for two `!` that is not what the rule says: it refuses only packets that have *both* ports.
 *
 * Source: iptables 1.8.9 iptables/nft-shared.c add_nft_tcpudp().
 */
export function joinedPorts(
  sport: PortCondition | undefined,
  dport: PortCondition | undefined,
  native: boolean,
): { readonly portsJoined?: true } {
  const single = (c: PortCondition | undefined): boolean =>
    c?.negated === true && c.low === c.high && c.low !== 0;
  return native && single(sport) && single(dport) ? { portsJoined: true } : {};
}

/** The packets whose ports meet both conditions. */
export function portPackets(space: PacketSpace, d: PortConditions): PacketSet {
  const { sport, dport } = d;
  const all = space.interval('sport', 0, 65535);
  if (d.portsJoined && sport && dport) {
    const both = space.and(
      space.interval('sport', sport.low, sport.high),
      space.interval('dport', dport.low, dport.high),
    );
    return space.and(all, space.not(both));
  }
  let set = all;
  if (sport) set = space.and(set, rangePackets(space, 'sport', sport));
  if (dport) set = space.and(set, rangePackets(space, 'dport', dport));
  return set;
}

/** Whether a packet's ports meet both conditions. */
export function meetsPorts(d: PortConditions, sport: number, dport: number): boolean {
  if (d.portsJoined) return sport !== d.sport?.low || dport !== d.dport?.low;
  if (d.sport && !inPorts(d.sport, sport)) return false;
  return !d.dport || inPorts(d.dport, dport);
}

const inPorts = (c: PortCondition, port: number): boolean => (port >= c.low && port <= c.high) !== c.negated;
