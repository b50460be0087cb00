import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Family } from '../../src/net/address.ts';
import { createCollector } from '../../src/packetset/boundaries.ts';
import { buildCodec } from '../../src/packetset/codec.ts';
import { type BddPacketSpace, createPacketSpace } from '../../src/packetset/space-bdd.ts';
import { type Description, describeIn, description, holdsFor, packetView } from './expressions.ts';

function spaceFor(family: Family, list: readonly Description[], spareCodes = 0): BddPacketSpace {
  const collector = createCollector(family);
  for (const d of list) describeIn(collector.space, d);
  return createPacketSpace(buildCodec(collector.boundaries(), { spareCodes }));
}

const cases = [
  { family: 'ipv4', holes: false },
  { family: 'ipv4', holes: true },
  { family: 'ipv6', holes: false },
  { family: 'ipv6', holes: true },
] as const;

describe.each(cases)('sets over $family, masks with holes: $holes', ({ family, holes }) => {
  const one = description({ family, holes, choices: true });
  const views = fc.array(packetView(family), { minLength: 5, maxLength: 20 });

  test('hold exactly the packets that the description holds for', () => {
    fc.assert(
      fc.property(one, views, fc.nat(3), (d, packets, spareCodes) => {
        const space = spaceFor(family, [d], spareCodes);
        const set = describeIn(space, d);
        for (const view of packets) expect(space.contains(set, view)).toBe(holdsFor(d, view));
      }),
      { numRuns: 200 },
    );
  });

  test('form a Boolean algebra, in which equal sets have equal ids', () => {
    fc.assert(
      fc.property(one, one, one, (x, y, z) => {
        const s = spaceFor(family, [x, y, z]);
        const [a, b, c] = [describeIn(s, x), describeIn(s, y), describeIn(s, z)] as const;
        expect(s.not(s.not(a))).toBe(a);
        expect(s.not(s.and(a, b))).toBe(s.or(s.not(a), s.not(b)));
        expect(s.and(a, s.or(b, c))).toBe(s.or(s.and(a, b), s.and(a, c)));
        expect(s.or(a, s.and(a, b))).toBe(a);
        expect(s.diff(a, b)).toBe(s.and(a, s.not(b)));
        expect(s.xor(a, b)).toBe(s.or(s.diff(a, b), s.diff(b, a)));
        expect(s.ite(a, b, c)).toBe(s.or(s.and(a, b), s.and(s.not(a), c)));
        expect(s.union([a, b, c])).toBe(s.or(a, s.or(b, c)));
        expect(s.and(a, s.not(a))).toBe(s.none);
        expect(s.or(a, s.not(a))).toBe(s.all);
        expect(s.implies(a, b)).toBe(s.diff(a, b) === s.none);
        expect(s.must(a)).toBe(s.not(s.may(s.not(a))));
        expect(s.implies(s.must(a), a) && s.implies(a, s.may(a))).toBe(true);
      }),
      { numRuns: 120 },
    );
  });

  test('keep their meaning when atoms are cut for what comes later', () => {
    fc.assert(
      fc.property(one, one, views, (before, after, packets) => {
        const space = spaceFor(family, [before], 3);
        const old = describeIn(space, before);
        const collector = createCollector(family);
        describeIn(collector.space, after);
        const fits = space.codec.extend(collector.boundaries());
        for (const view of packets) expect(space.contains(old, view)).toBe(holdsFor(before, view));
        expect(describeIn(space, before)).toBe(old);
        if (!fits) return;
        const young = describeIn(space, after);
        for (const view of packets) expect(space.contains(young, view)).toBe(holdsFor(after, view));
      }),
      { numRuns: 120 },
    );
  });
});
