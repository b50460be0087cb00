import { expect, test } from 'vitest';
import type { CompileContext, MatchEnv, Matcher, Tri } from '../../src/extensions/define.ts';
import { connlabel } from '../../src/extensions/matches/connlabel.ts';
import { connlimit } from '../../src/extensions/matches/connlimit.ts';
import { type Connection, ctStatusBit } from '../../src/model/connection.ts';
import type { Packet } from '../../src/model/packet.ts';
import { parseIpv4 } from '../../src/net/address-text.ts';

const address = (text: string) => parseIpv4(text) ?? expect.fail(text);
const server = address('192.0.2.1');

function connectionOf(client: string, sport: number, more: Partial<Connection> = {}): Connection {
  const src = address(client);
  return {
    original: { src, dst: server, protocol: 6, sport, dport: 80 },
    reply: { src: server, dst: src, protocol: 6, sport: 80, dport: sport },
    status: 0,
    mark: 0,
    zone: 0,
    helper: undefined,
    labels: [],
    packets: { original: 1, reply: 0 },
    bytes: { original: 60, reply: 0 },
    expiresMs: 1e6,
    master: undefined,
    ...more,
  };
}

/** State, and the connections that the machine knows. */
class World {
  readonly slots = new Map<string, unknown>();
  connections: Connection[] = [];
  dropped = false;
  timeMs = 0;

  /** Every look is a little later than the one before, unless `waitMs` is 0. */
  ask(matcher: Matcher, entry: Connection, waitMs = 10): Tri {
    this.dropped = false;
    this.timeMs += waitMs;
    const env = {
      connection: { state: 'NEW', direction: 'original', entry },
      timeMs: this.timeMs,
      readState: (slot: string) => this.slots.get(slot),
      writeState: (slot: string, value: unknown) => {
        // What a match keeps must survive JSON.
        this.slots.set(slot, JSON.parse(JSON.stringify(value)));
      },
      connections: () => this.connections,
      hotDrop: () => {
        this.dropped = true;
        return 0;
      },
    } as unknown as MatchEnv;
    const { src, dst } = entry.original;
    const packet = { family: 'ipv4', src, dst, protocol: 6, fragmentOffsetBytes: 0 } as Packet;
    return matcher(packet, env);
  }

  /** What happens to a connection whose first packet nothing dropped. */
  confirm(c: Connection, more = 0): Connection {
    const confirmed = { ...c, status: ctStatusBit.CONFIRMED | more };
    this.connections.push(confirmed);
    return confirmed;
  }
}

const context = { family: 'ipv4', slot: 'rule 1' } as CompileContext;
const limitTo = (maskLength: number): Matcher =>
  connlimit.compile({ limit: 2, above: true, maskLength, side: 'source' }, context);

test('connlimit counts this connection too, once, for each address', () => {
  const world = new World();
  const matcher = limitTo(32);
  const first = connectionOf('198.51.100.7', 1);
  expect(world.ask(matcher, first)).toBe(0);
  const confirmed = world.confirm(first);
  expect(world.ask(matcher, confirmed)).toBe(0);
  const second = connectionOf('198.51.100.7', 2);
  expect(world.ask(matcher, second)).toBe(0);
  world.confirm(second);
  expect(world.ask(matcher, connectionOf('198.51.100.7', 3))).toBe(1);
  expect(world.ask(matcher, connectionOf('198.51.100.8', 3))).toBe(0);
});

test('connlimit forgets connections that were dropped, and those that are closed', () => {
  const world = new World();
  const matcher = limitTo(24);
  world.ask(matcher, connectionOf('198.51.100.7', 1));
  world.ask(matcher, connectionOf('198.51.100.8', 2));
  // None of both was confirmed, and a packet of an assured connection adds nothing: the list is empty.
  const assured = world.confirm(connectionOf('198.51.100.9', 3), ctStatusBit.ASSURED);
  expect(world.ask(matcher, assured)).toBe(0);
  expect(world.dropped).toBe(true);

  const other = new World();
  const open = [1, 2].map((sport) => connectionOf('198.51.100.7', sport));
  for (const c of open) {
    other.ask(matcher, c);
    other.confirm(c);
  }
  other.connections = other.connections.map((c, i) => (i === 0 ? { ...c, closed: true } : c));
  expect(other.ask(matcher, connectionOf('198.51.100.7', 3))).toBe(0);
});

test('connlimit looks no further than the connection that the packet belongs to, until it is assured', () => {
  const world = new World();
  const matcher = limitTo(32);
  const open = [1, 2].map((sport) => connectionOf('198.51.100.7', sport));
  const confirmed = open.map((c) => {
    world.ask(matcher, c);
    return world.confirm(c);
  });
  // The third is dropped, but stays in the list until a packet comes that walks all of it.
  expect(world.ask(matcher, connectionOf('198.51.100.7', 3))).toBe(1);
  const again = confirmed[0] ?? expect.fail();
  expect(world.ask(matcher, again)).toBe(1);
  expect(world.ask(matcher, { ...again, status: again.status | ctStatusBit.ASSURED })).toBe(0);
  expect(world.ask(matcher, again)).toBe(0);
});

test('connlimit counts a packet twice that it sees twice before its connection is confirmed', () => {
  const world = new World();
  const matcher = limitTo(32);
  const c = connectionOf('198.51.100.7', 1);
  expect(world.ask(matcher, c)).toBe(0);
  expect(world.ask(matcher, c, 0)).toBe(0);
  expect(world.ask(matcher, c, 0)).toBe(1);
  expect(world.ask(matcher, c)).toBe(0);
});

test('connlabel --set labels the connection for the rules that follow', () => {
  const world = new World();
  const has = connlabel.compile({ bit: 5, set: false, negated: false }, context);
  const set = connlabel.compile({ bit: 5, set: true, negated: false }, context);
  const setNegated = connlabel.compile({ bit: 6, set: true, negated: true }, context);
  const c = connectionOf('198.51.100.7', 1);
  expect(world.ask(has, c)).toBe(0);
  expect(world.ask(set, c)).toBe(1);
  expect(world.ask(has, c)).toBe(1);
  expect(world.ask(has, connectionOf('198.51.100.7', 2))).toBe(0);
  expect(world.ask(setNegated, c)).toBe(0);
  expect(world.ask(has, connectionOf('198.51.100.8', 9, { labels: [5] }))).toBe(1);
});
