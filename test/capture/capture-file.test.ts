import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCapture } from '../../src/capture/capture-file.ts';
import { dissectFrame } from '../../src/capture/dissect.ts';
import type { CapturedFrame, CaptureProblem } from '../../src/capture/frame.ts';
import { writePcap, writePcapng } from '../support/capture-writer.ts';

function read(bytes: Uint8Array): {
  readonly frames: readonly CapturedFrame[];
  readonly problems: readonly CaptureProblem[];
} {
  const items = [...readCapture(bytes)];
  return {
    frames: items.flatMap((i) => (i.kind === 'frame' ? [i.frame] : [])),
    problems: items.flatMap((i) => (i.kind === 'problem' ? [i.problem] : [])),
  };
}

const bytes = (...list: readonly number[]): Uint8Array => Uint8Array.from(list);
const concat = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((p) => [...p]));

/** 2026-11-17, with microseconds. */
const timeMs = Date.UTC(2026, 10, 17, 9, 41, 27) + 0.25;

describe('pcap', () => {
  test.each([
    [true, false],
    [true, true],
    [false, false],
    [false, true],
  ])('little-endian %s, nanoseconds %s', (littleEndian, nanoseconds) => {
    const file = writePcap(
      [
        { bytes: bytes(1, 2, 3), timeMs },
        { bytes: bytes(4, 5, 6, 7), timeMs: timeMs + 1, captured: 2 },
      ],
      { linkType: 101, littleEndian, nanoseconds },
    );
    const { frames, problems } = read(file);
    expect(problems).toEqual([]);
    expect(frames.map((f) => ({ ...f, bytes: [...f.bytes], timeMs: f.timeMs?.toFixed(3) }))).toEqual([
      {
        number: 1,
        offsetBytes: 24,
        linkType: 101,
        timeMs: timeMs.toFixed(3),
        interfaceName: undefined,
        direction: undefined,
        bytes: [1, 2, 3],
        lengthBytes: 3,
      },
      expect.objectContaining({ number: 2, offsetBytes: 43, bytes: [4, 5], lengthBytes: 4 }),
    ]);
  });

  test('every place where it may end early is told with its byte', () => {
    const file = writePcap([{ bytes: bytes(1, 2, 3) }, { bytes: bytes(4) }], { linkType: 1 });
    for (let end = 1; end < file.length; end++) {
      const { frames, problems } = read(file.subarray(0, end));
      const whole = end === 24 || end === 43;
      expect(frames.length, `ends at ${end}`).toBe(end < 43 ? 0 : 1);
      expect(problems.length, `ends at ${end}`).toBe(whole ? 0 : 1);
      const [problem] = problems;
      if (!problem) continue;
      expect(problem.fatal).toBe(true);
      expect(problem.message).toContain(`(byte ${problem.offsetBytes})`);
      expect(problem.id).toBe(end < 4 ? 'not-a-capture' : 'truncated-capture');
    }
  });

  test('a record that claims to be larger than any frame ends the reading', () => {
    const file = writePcap([{ bytes: bytes(1) }], { linkType: 1 });
    file.set([0xff, 0xff, 0xff, 0xff], 24 + 8);
    const { frames, problems } = read(file);
    expect(frames).toEqual([]);
    expect(problems).toMatchObject([{ id: 'bad-record', offsetBytes: 32, fatal: true }]);
  });
});

describe('pcapng', () => {
  test.each([true, false])('little-endian %s: interfaces, directions, clocks', (littleEndian) => {
    const file = writePcapng(
      [
        { bytes: bytes(1, 2, 3), timeMs: 1500, interfaceIndex: 1, direction: 'out' },
        { bytes: bytes(4), timeMs: 2500, direction: 'in' },
        { bytes: bytes(5), timeMs: 3500 },
      ],
      [
        { linkType: 1, name: 'eth0', resolution: 9 },
        { linkType: 101, name: 'ppp0', resolution: 3 },
      ],
      littleEndian,
    );
    const { frames, problems } = read(file);
    expect(problems).toEqual([]);
    expect(
      frames.map((f) => [f.number, f.interfaceName, f.linkType, f.timeMs, f.direction, [...f.bytes]]),
    ).toEqual([
      [1, 'ppp0', 101, 1500, 'out', [1, 2, 3]],
      [2, 'eth0', 1, 2500, 'in', [4]],
      [3, 'eth0', 1, 3500, undefined, [5]],
    ]);
  });

  test('sections have interfaces of their own, and a byte order', () => {
    const file = concat(
      writePcapng([{ bytes: bytes(1) }], [{ linkType: 1, name: 'eth0' }], true),
      writePcapng([{ bytes: bytes(2) }, { bytes: bytes(3), interfaceIndex: 1 }], [{ linkType: 101 }], false),
    );
    const { frames, problems } = read(file);
    expect(frames.map((f) => [f.number, f.interfaceName, f.linkType])).toEqual([
      [1, 'eth0', 1],
      [2, undefined, 101],
    ]);
    expect(problems).toMatchObject([{ id: 'bad-record', fatal: false }]);
    expect(problems[0]?.message).toContain('interface 1 was not described');
  });

  test('a simple packet block has no time', () => {
    const head = writePcapng([], [{ linkType: 101 }], true);
    const block = bytes(3, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 7, 8, 9, 0, 20, 0, 0, 0);
    const { frames } = read(concat(head, block));
    expect(frames).toMatchObject([{ timeMs: undefined, lengthBytes: 3 }]);
    expect([...(frames[0]?.bytes ?? [])]).toEqual([7, 8, 9]);
  });
});

describe('what is no capture', () => {
  test.each([
    ['nothing', bytes(), 'empty-capture', /tcpdump needs/],
    ['gzip', bytes(0x1f, 0x8b, 8, 0), 'compressed-capture', /zcat .*fwsim replay - RULES/],
    ['zstd', bytes(0x28, 0xb5, 0x2f, 0xfd), 'compressed-capture', /zstdcat/],
    ['snoop', bytes(0x73, 0x6e, 0x6f, 0x6f, 0x70, 0, 0, 0), 'other-capture', /editcap/],
    ['a ruleset', new TextEncoder().encode('*filter\nCOMMIT\n'), 'not-a-capture', /the capture comes first/],
    ['noise', bytes(0, 1, 2, 3, 4), 'not-a-capture', /tcpdump -w/],
  ])('%s', (_name, file, id, hint) => {
    const { frames, problems } = read(file);
    expect(frames).toEqual([]);
    expect(problems).toMatchObject([{ id, fatal: true, offsetBytes: 0 }]);
    expect(problems[0]?.hint).toMatch(hint);
  });
});

/** Reads everything and dissects it; the answer must end and stay within the file. */
function readThrough(file: Uint8Array): void {
  let at = -1;
  let total = 0;
  for (const item of readCapture(file)) {
    const offset = item.kind === 'frame' ? item.frame.offsetBytes : item.problem.offsetBytes;
    expect(offset).toBeGreaterThanOrEqual(Math.min(at, file.length));
    expect(offset).toBeLessThanOrEqual(file.length);
    at = offset;
    if (item.kind === 'problem') continue;
    total += item.frame.bytes.length;
    const found = dissectFrame(item.frame);
    if (found.kind === 'packet') expect(found.packet.lengthBytes).toBeGreaterThan(0);
  }
  expect(total).toBeLessThanOrEqual(file.length);
}

const linkTypes = [0, 1, 9, 12, 50, 101, 108, 113, 228, 276, 147];

const frameBytes = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  // An IP version in front of noise gets further.
  fc
    .tuple(fc.constantFrom(0x45, 0x46, 0x4f, 0x60), fc.uint8Array({ minLength: 19, maxLength: 120 }))
    .map(([first, rest]) => bytes(first, ...rest)),
);

describe('laws', () => {
  test('any bytes are read to their end', () => {
    const magics = fc.constantFrom(
      [0xa1, 0xb2, 0xc3, 0xd4],
      [0xd4, 0xc3, 0xb2, 0xa1],
      [0x4d, 0x3c, 0xb2, 0xa1],
      [0x34, 0xcd, 0xb2, 0xa1],
      [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0],
      [],
    );
    fc.assert(
      fc.property(magics, fc.uint8Array({ maxLength: 300 }), (magic, rest) => {
        readThrough(bytes(...magic, ...rest));
      }),
      { numRuns: 500 },
    );
  });

  test('any frames, and any damage to their file', () => {
    fc.assert(
      fc.property(
        fc.array(frameBytes, { maxLength: 4 }),
        fc.constantFrom(...linkTypes),
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        fc.nat(),
        (list, linkType, next, damage, cut) => {
          const frames = list.map((b) => ({ bytes: b }));
          const file = next ? writePcapng(frames, [{ linkType }]) : writePcap(frames, { linkType });
          readThrough(file);
          for (const [at, byte] of damage) file[at % file.length] = byte;
          readThrough(file);
          readThrough(file.subarray(0, cut % (file.length + 1)));
        },
      ),
      { numRuns: 500 },
    );
  });
});
