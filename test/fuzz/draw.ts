/** Chance that is the same each time: one generator per case, and what is drawn from it. */

/** A source of chance. All draws of one case come from one of these. */
export interface Chance {
  /** A whole number from 0 to below `limit`; 0 where the limit is less than 1. */
  below(limit: number): number;
  /** True once in so many times. */
  once(inTimes: number): boolean;
  pick<T>(list: readonly T[]): T;
}

/** The chance of case `index` of a run: it depends on the two numbers alone, so that any case can be drawn again. */
export function chanceOf(seed: number, index: number): Chance {
  let state = (Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) | 0;
  // Marsaglia and Vigna's small mixers are enough: nothing here has to be secret, or even good.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (limit: number): number => (limit < 1 ? 0 : next() % limit);
  return {
    below,
    once: (inTimes) => below(inTimes) === 0,
    pick: <T>(list: readonly T[]): T => {
      if (list.length === 0) throw new Error('nothing to pick from');
      return list[below(list.length)] as T;
    },
  };
}

/** Text that terminals, pages, shells and file formats obey. */
export const hostileTexts: readonly string[] = [
  '\x1b[2J\x1b[31mred',
  '\x1b]0;title\x07',
  '\x1b]8;;http://example.net\x1b\\link\x1b]8;;\x1b\\',
  '\x9b2J',
  '\u202egnp.exe',
  '\u2066x\u2069',
  'a\u200bb\u2028c',
  ']]>',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '&amp;&#0;',
  '`id`',
  '$(id)',
  "'; id; '",
  '"; id; "',
  '```\n# heading\n```',
  '| a | b |',
  '=cmd()',
  '../../../etc/passwd',
  '%s%n%x',
  '::set-output name=a::b',
  '##vso[task.setvariable]',
  'a\r\nb\tc\0d',
  '\ud83d',
  '__proto__',
  'constructor',
  'toString',
  '\x7f\x80\x9f',
  '🏴‍☠️東京',
];

/** Numbers at which arithmetic turns over. */
export const edgeNumbers: readonly string[] =
  '0 1 -1 2 7 8 15 16 31 32 33 63 64 65 127 128 129 255 256 257 1023 65535 65536 2147483647 2147483648 4294967295 4294967296 9007199254740992 18446744073709551615 18446744073709551616 99999999999999999999999 0x 0xffffffff 0x100000000 010 1e9 1.5 NaN'.split(
    ' ',
  );

const interestingBytes = [0, 1, 0x0a, 0x0d, 0x20, 0x21, 0x22, 0x27, 0x2d, 0x5c, 0x7f, 0x80, 0x9b, 0xc3, 0xff];

/** Changes some bytes: flips, cuts, copies, foreign pieces. Other seeds give the foreign pieces. */
export function mutateBytes(chance: Chance, seed: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  const splice = (at: number, remove: number, put: Uint8Array): void => {
    const next = new Uint8Array(bytes.length - Math.min(remove, bytes.length - at) + put.length);
    next.set(bytes.subarray(0, at));
    next.set(put, at);
    next.set(bytes.subarray(Math.min(bytes.length, at + remove)), at + put.length);
    bytes = next;
  };
  for (let n = 1 + chance.below(6); n > 0; n--) {
    const at = chance.below(bytes.length + 1);
    const size = 1 + chance.below(chance.once(4) ? 200 : 8);
    switch (chance.below(8)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.below(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = chance.pick(interestingBytes);
        break;
      case 2:
        splice(at, size, new Uint8Array());
        break;
      case 3:
        splice(chance.below(bytes.length + 1), 0, bytes.slice(at, at + size));
        break;
      case 4: {
        const other = chance.pick(others);
        const from = chance.below(other.length);
        splice(at, chance.once(2) ? size : 0, other.subarray(from, from + size * 4));
        break;
      }
      case 5:
        bytes = bytes.slice(0, at);
        break;
      case 6:
        splice(at, 0, new TextEncoder().encode(chance.pick(hostileTexts)));
        break;
      default:
        splice(
          at,
          chance.once(2) ? 4 : 0,
          Uint8Array.from({ length: 4 }, () => chance.pick([0, 0, 0xff, 0x7f, at & 255])),
        );
    }
  }
  return bytes;
}

/** Changes some lines and words. Lines come from other seeds, words from the dictionary. */
export function mutateText(
  chance: Chance,
  seed: string,
  others: readonly string[],
  dictionary: readonly string[],
): string {
  const lines = seed.split('\n');
  const anyWord = (): string =>
    chance.pick(chance.once(6) ? hostileTexts : chance.once(4) ? edgeNumbers : dictionary);
  for (let n = 1 + chance.below(8); n > 0; n--) {
    const at = chance.below(lines.length);
    const line = lines[at] ?? '';
    switch (chance.below(8)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(chance.below(lines.length + 1), 0, line);
        break;
      case 2: {
        const other = chance.pick(others).split('\n');
        lines.splice(at, chance.below(2), chance.pick(other));
        break;
      }
      case 3:
        lines[at] = line.replace(/\d+/g, (number) => (chance.once(3) ? chance.pick(edgeNumbers) : number));
        break;
      default: {
        const words = line.split(' ');
        const place = chance.below(words.length);
        if (chance.once(3)) words.splice(place, 1);
        else words.splice(place, chance.below(2), anyWord());
        lines[at] = words.join(' ');
      }
    }
  }
  return lines.join(chance.once(20) ? '\r\n' : '\n');
}
