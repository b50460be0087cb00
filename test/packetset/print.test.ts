import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Family } from '../../src/net/address.ts';
import { createCollector } from '../../src/packetset/boundaries.ts';
import { boxSet, coverByBoxes } from '../../src/packetset/boxes.ts';
import { buildCodec } from '../../src/packetset/codec.ts';
import { describeSet } from '../../src/packetset/print.ts';
import { partSet, printableBoxes } from '../../src/packetset/printable.ts';
import { type BddPacketSpace, createPacketSpace } from '../../src/packetset/space-bdd.ts';
import { findWitness } from '../../src/packetset/witness.ts';
import { type Description, describeIn, description } from './expressions.ts';
import { readLine } from './lines.ts';
import { viewOf } from './witness-view.ts';

function spaceFor(family: Family, list: readonly Description[]): BddPacketSpace {
  const collector = createCollector(family);
  for (const d of list) describeIn(collector.space, d);
  // Options for these take single numbers, so a range is spelled out.
  for (let n = 0; n < 256; n++) {
    collector.space.interval('protocol', n, n);
    collector.space.interval('icmpType', n, n);
  }
  return createPacketSpace(buildCodec(collector.boundaries()));
}

describe.each(['ipv4', 'ipv6'] as const)('a set over %s', (family) => {
  // Conntrack's options take one network each, so that a range comes out in pieces that the space cannot say.
  const one = description({ family, holes: false, choices: true, addressFields: ['src', 'dst'] });

  test('is exactly the union of its boxes', () => {
    fc.assert(
      fc.property(one, (d) => {
        const space = spaceFor(family, [d]);
        const set = describeIn(space, d);
        const wanted = space.and(set, space.valid);
        const upper = space.or(set, space.not(space.valid));
        const { boxes, complete } = coverByBoxes(space, wanted, upper, 1_000);
        expect(complete).toBe(true);
        expect(space.and(space.union(boxes.map((b) => boxSet(space, b))), space.valid)).toBe(wanted);
        const parts = boxes.flatMap((b) => printableBoxes(space, b, space.valid));
        expect(space.and(space.union(parts.map((p) => partSet(space, p))), space.valid)).toBe(wanted);
      }),
      { numRuns: 120 },
    );
  });

  test('is what its lines say, and they are the same each time', () => {
    fc.assert(
      fc.property(one, (d) => {
        const space = spaceFor(family, [d]);
        const set = describeIn(space, d);
        const wanted = space.and(set, space.valid);
        const description = describeSet(space, set, { linesMax: 10_000 });
        expect(describeSet(space, set, { linesMax: 10_000 })).toEqual(description);
        const said = (lines: readonly string[]) =>
          space.and(space.valid, space.union(lines.map((l) => readLine(space, l))));
        const union = said(description.lines);
        switch (description.kind) {
          case 'nothing':
            expect(wanted).toBe(space.none);
            break;
          case 'everything':
            expect(wanted).toBe(space.valid);
            break;
          case 'these':
            expect(union).toBe(wanted);
            break;
          default:
            expect(description.kind).toBe('all-but');
            expect(
              space.diff(description.within.length > 0 ? said(description.within) : space.valid, union),
            ).toBe(wanted);
        }
      }),
      { numRuns: 120 },
    );
  });

  test('has a witness exactly if it is not empty, and the witness is in it', () => {
    fc.assert(
      fc.property(one, (d) => {
        const space = spaceFor(family, [d]);
        const set = describeIn(space, d);
        const witness = findWitness(space, set);
        expect(witness === undefined).toBe(space.and(set, space.valid) === space.none);
        if (witness === undefined) return;
        expect(space.contains(space.and(set, space.valid), viewOf(witness, family))).toBe(true);
      }),
      { numRuns: 120 },
    );
  });
});
