import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Packet } from '../../src/model/packet.ts';
import { type Address, ipv4, prefix } from '../../src/net/address.ts';
import { createCollector } from '../../src/packetset/boundaries.ts';
import { createChoiceScope } from '../../src/packetset/choices.ts';
import { buildCodec } from '../../src/packetset/codec.ts';
import type { FieldName } from '../../src/packetset/fields.ts';
import { createMeasure } from '../../src/packetset/measure.ts';
import type { PacketView } from '../../src/packetset/packet-view.ts';
import type { PacketSet } from '../../src/packetset/space.ts';
import { createPacketSpace } from '../../src/packetset/space-bdd.ts';
import { type Description, describeIn, description, holdsFor, packetView } from './expressions.ts';

const rewritten: readonly FieldName[] = ['src', 'dst', 'sport', 'dport', 'mark'];
const one = description({ family: 'ipv4', holes: false, choices: false, addressFields: ['src', 'dst'] });
const view = packetView('ipv4');

function twoCopies(list: readonly Description[]) {
  const collector = createCollector('ipv4');
  for (const d of list) describeIn(collector.space, d);
  collector.link(['src', 'dst']);
  collector.link(['sport', 'dport']);
  for (const field of ['src', 'dst', 'sport', 'dport'] as const) collector.use(field);
  return createPacketSpace(buildCodec(collector.boundaries(), { rewritten, spareCodes: 1 }));
}

/** The packet with other addresses and ports, as NAT leaves it. */
const withHeader = (v: PacketView, change: Partial<Packet>): PacketView => ({
  ...v,
  packet: { ...v.packet, ...change },
  entry: v,
});

describe('the header now and the header at entry', () => {
  test('are described apart, and a packet is looked up by both', () => {
    fc.assert(
      fc.property(one, one, view, view, (a, b, before, other) => {
        const space = twoCopies([a, b]);
        const after = withHeader(before, { dst: other.packet.dst, dport: other.packet.dport });
        const set = space.and(describeIn(space, a), describeIn(space.entry, b));
        // What nothing rewrites has one copy: it is asked of the packet now in either case.
        const atEntry = withHeader(after, { dst: before.packet.dst, dport: before.packet.dport });
        expect(space.contains(set, after)).toBe(holdsFor(a, after) && holdsFor(b, atEntry));
      }),
      { numRuns: 120 },
    );
  });

  test('a packet that nothing has changed is the same in both', () => {
    fc.assert(
      fc.property(one, (d) => {
        const space = twoCopies([d]);
        const set = describeIn(space, d);
        const same = space.and(set, space.unchanged());
        expect(same).toBe(space.and(describeIn(space.entry, d), space.unchanged()));
        expect(space.entryOf(same)).toBe(set);
        expect(space.forget(same, rewritten, 'entry')).toBe(set);
        expect(space.atEntry(set)).toBe(describeIn(space.entry, d));
      }),
    );
  });

  test('a rewrite is followed forward, and back to the packets that lead there', () => {
    fc.assert(
      fc.property(one, one, view, view, (matched, wanted, before, target) => {
        const values: Description = {
          is: 'and',
          a: { is: 'addresses', field: 'dst', low: target.packet.dst, high: target.packet.dst },
          b: { is: 'interval', field: 'dport', low: 80, high: 80 },
        };
        const space = twoCopies([matched, wanted, values]);
        const start = space.and(space.unchanged(), describeIn(space, matched));
        const after = space.rewrite(start, ['dst', 'dport'], describeIn(space, values));
        const packet = withHeader(before, { dst: target.packet.dst, dport: 80 });
        expect(space.contains(after, packet)).toBe(holdsFor(matched, before));
        const there = space.entryOf(space.and(after, describeIn(space, wanted)));
        expect(space.contains(there, before)).toBe(holdsFor(matched, before) && holdsFor(wanted, packet));
      }),
      { numRuns: 120 },
    );
  });

  test('the relational product is the product, quantified', () => {
    fc.assert(
      fc.property(one, one, fc.subarray([...rewritten]), (a, b, fields) => {
        const space = twoCopies([a, b]);
        const f = describeIn(space, a);
        const g = describeIn(space, b);
        expect(space.andForget(f, g, fields)).toBe(space.forget(space.and(f, g), fields));
      }),
    );
  });
});

test('the set of the replies is that of the requests with ends exchanged', () => {
  fc.assert(
    fc.property(one, view, (d, v) => {
      const space = twoCopies([d]);
      const swapped = space.exchange(describeIn(space, d), [
        ['src', 'dst'],
        ['sport', 'dport'],
      ]);
      const { src, dst, sport, dport } = v.packet;
      const reply = { ...v, packet: { ...v.packet, src: dst, dst: src, sport: dport, dport: sport } };
      expect(space.contains(swapped, reply)).toBe(holdsFor(d, v));
      const equal = space.equal('sport', 'dport');
      if (space.contains(space.not(equal), v)) expect(sport).not.toBe(dport);
    }),
  );
});

test('ports that a rule shifts are mapped atom by atom', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 0, max: 30 }),
      view,
      (offset, length, v) => {
        const collector = createCollector('ipv4');
        const describe = (s: typeof collector.space): PacketSet => s.interval('dport', 10, 20);
        describe(collector.space);
        collector.shift('dport', 'dport', 8, 8 + length, offset);
        const space = createPacketSpace(buildCodec(collector.boundaries()));
        const moved = space.shift(describe(space), 'dport', 8, 8 + length, offset);
        const at = (dport: number): PacketView => ({ ...v, packet: { ...v.packet, dport } });
        const expected = new Set<number>();
        for (let p = 10; p <= 20; p++) expected.add(p <= 8 + length ? p + offset : p);
        for (let p = 0; p < 120; p++) expect(space.contains(moved, at(p))).toBe(expected.has(p));
      },
    ),
  );
});

describe('what the packet does not decide', () => {
  const key = { kind: 'pure', key: 'string "x"', reads: ['payload', 'dst'] } as const;

  test('is one variable per text, rule or list, and a new one after a write', () => {
    const scope = createChoiceScope();
    const collector = createCollector('ipv4');
    collector.use('dst');
    const space = createPacketSpace(buildCodec(collector.boundaries()), { scope });
    const pure = space.choice(key);
    expect(space.choice(key)).toBe(pure);
    scope.wroteField('dst');
    expect(space.choice(key)).not.toBe(pure);

    scope.enter('filter/INPUT#1');
    const limit = space.choice({ kind: 'rule' });
    expect(space.choice({ kind: 'rule' })).not.toBe(limit);
    scope.enter('filter/INPUT#1');
    expect(space.choice({ kind: 'rule' })).toBe(limit);

    const list = { kind: 'shared', list: 'recent:ssh', key: 'rcheck' } as const;
    const before = space.choice(list);
    expect(space.choice(list)).toBe(before);
    scope.wroteList('recent:ssh');
    expect(space.choice(list)).not.toBe(before);

    expect(space.may(limit)).toBe(space.all);
    expect(space.must(limit)).toBe(space.none);
    const ambient = space.ambient('reassembly');
    expect(space.unknownsOf(space.and(ambient, pure)).map((v) => v.unknown.kind)).toEqual([
      'choice',
      'ambient',
    ]);
  });

  test('an address has its type for certain, by a Boolean of its own, or by one for the packet', () => {
    const address = (last: number): Address => ipv4(0xcb007100 + last);
    const locality = {
      known: [
        { range: { low: address(1), high: address(1) }, types: ['LOCAL'] },
        { range: { low: address(200), high: address(255) }, types: ['UNICAST'] },
      ],
      singled: [address(5), address(1)],
    };
    const collector = createCollector('ipv4', locality);
    collector.space.addressType('dst', 'LOCAL');
    collector.space.addressType('src', 'LOCAL');
    collector.space.network('src', prefix(address(5), 32));
    const space = createPacketSpace(buildCodec(collector.boundaries()), { locality });
    const local = space.addressType('dst', 'LOCAL');
    const [sample] = fc.sample(view, 1);
    const to = (dst: Address, yes: readonly string[]): PacketView => ({
      ...(sample as PacketView),
      packet: { ...(sample as PacketView).packet, dst, src: dst },
      choices: (v) =>
        yes.includes(
          v.unknown.kind === 'addressOfType'
            ? 'own'
            : v.unknown.kind === 'fieldOfType'
              ? v.unknown.field
              : '',
        ),
    });
    expect(space.contains(local, to(address(1), []))).toBe(true);
    expect(space.contains(local, to(address(210), ['own', 'dst']))).toBe(false);
    expect(space.contains(local, to(address(5), ['own']))).toBe(true);
    expect(space.contains(local, to(address(5), ['dst']))).toBe(false);
    expect(space.contains(local, to(address(9), ['dst']))).toBe(true);
    expect(space.contains(local, to(address(9), ['own']))).toBe(false);
    // The single address is the same wherever it turns up.
    const only5 = (field: 'src' | 'dst') => space.network(field, prefix(address(5), 32));
    const both = space.union(collectorPoints(space, only5));
    expect(space.unknownsOf(both)).toHaveLength(1);
  });

  function collectorPoints(
    space: ReturnType<typeof createPacketSpace>,
    only5: (field: 'src' | 'dst') => PacketSet,
  ): PacketSet[] {
    return (['src', 'dst'] as const).map((f) => space.and(space.addressType(f, 'LOCAL'), only5(f)));
  }
});

describe('the life of a space', () => {
  test('a piece of work within its nodes is decided; one beyond them leaves nothing behind', () => {
    fc.assert(
      fc.property(one, (d) => {
        const space = twoCopies([d]);
        const { nodeCount } = space;
        const refused = space.within(0, () => describeIn(space, { is: 'and', a: d, b: d }));
        if (refused.kind === 'undecided') expect(space.nodeCount).toBe(nodeCount);
        const done = space.within(100_000, () => describeIn(space, d));
        expect(done).toEqual({ kind: 'decided', value: describeIn(space, d) });
      }),
    );
  });

  test('undecided sets are handed on, and told as such', () => {
    const collector = createCollector('ipv4');
    const d: Description = { is: 'interval', field: 'dport', low: 80, high: 80 };
    describeIn(collector.space, d);
    const space = createPacketSpace(buildCodec(collector.boundaries()));
    const set = describeIn(space, d);
    for (const s of [
      space.not(space.undecided),
      space.or(set, space.undecided),
      space.may(space.undecided),
    ]) {
      expect(space.isDecided(s)).toBe(false);
    }
    expect(space.and(space.none, space.undecided)).toBe(space.none);
    expect(space.implies(space.undecided, set)).toBe(false);
    expect(space.disjoint(space.undecided, set)).toBe(false);
  });

  test('compaction and reset keep what they are told to keep', () => {
    fc.assert(
      fc.property(one, one, view, (a, b, v) => {
        const space = twoCopies([a, b]);
        const kept = describeIn(space, a);
        const mark = space.mark();
        describeIn(space, b);
        space.reset(mark);
        expect(describeIn(space, a)).toBe(kept);
        describeIn(space, b);
        const moved = space.compact([kept]);
        expect(describeIn(space, a)).toBe(moved(kept));
        expect(space.contains(moved(kept), v)).toBe(holdsFor(a, v));
        const { valid } = space;
        expect(space.and(valid, moved(kept)) === space.none || space.isDecided(valid)).toBe(true);
      }),
    );
  });
});

test('a set is counted value by value', () => {
  const collector = createCollector('ipv4');
  const net = prefix(ipv4(0x0a000000), 8);
  collector.space.network('src', net);
  collector.space.interval('dport', 80, 89);
  const space = createPacketSpace(buildCodec(collector.boundaries(), { spareCodes: 2 }));
  const ten = space.network('src', net);
  const web = space.interval('dport', 80, 89);
  const addresses = createMeasure(space, ['src']);
  expect(addresses.count(ten)).toBe(2n ** 24n);
  expect(addresses.count(space.not(ten))).toBe(2n ** 32n - 2n ** 24n);
  expect(addresses.share(ten, space.all)).toBeCloseTo(1 / 256, 12);
  const both = createMeasure(space, ['src', 'dport']);
  expect(both.count(space.and(ten, web))).toBe(10n * 2n ** 24n);
  // Absent ports are one more value.
  expect(both.count(space.all)).toBe(2n ** 32n * 65537n);
  expect(both.count(space.or(ten, web))).toBe(2n ** 24n * 65537n + (2n ** 32n - 2n ** 24n) * 10n);
});

test('addresses whose bits alternate are counted together: apart, each value of one would be a step', () => {
  const collector = createCollector('ipv4');
  const odd = { address: ipv4(0x000a0001), mask: ipv4(0x00ff00ff) };
  for (const field of ['src', 'dst'] as const) collector.space.network(field, odd);
  collector.space.interval('dport', 80, 89);
  collector.link(['src', 'dst']);
  const space = createPacketSpace(
    buildCodec(collector.boundaries(), { spareCodes: 0, interleaved: [['src', 'dst']] }),
  );
  const same = space.equal('src', 'dst');
  const measure = createMeasure(space, ['src', 'dst', 'dport']);
  expect(measure.count(same)).toBe(2n ** 32n * 65537n);
  expect(measure.count(space.and(same, space.network('dst', odd)))).toBe(2n ** 16n * 65537n);
  const web = space.interval('dport', 80, 89);
  expect(measure.count(space.and(space.network('src', odd), web))).toBe(2n ** 48n * 10n);
});
