import type { Packet } from '../../model/packet.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { hex, type NumberRange } from '../option-types.ts';
import { type PacketBytes, packetBytes } from '../packet-bytes.ts';
import { option } from '../printed-words.ts';
import { packetReads } from './string.ts';

type Operator = '&' | '<<' | '>>' | '@';

/** Four bytes at `start`, changed by each step in turn, must lie in one of the ranges. */
export interface U32Test {
  readonly start: number;
  readonly steps: readonly { readonly operator: Operator; readonly value: number }[];
  readonly ranges: readonly NumberRange[];
}

/** Tests on numbers in the packet. */
export interface U32Data {
  /** All must hold. */
  readonly tests: readonly U32Test[];
  readonly negated: boolean;
}

/** Limits of struct xt_u32: numbers in a location, ranges in a test, tests. */
const sizeMax = 10;

/**
 * Reads `start&mask>>shift@offset=value,low:high&&…`, with blanks between any two parts.
 *
 * Source: iptables 1.8.9 extensions/libxt_u32.c u32_parse().
 */
function parseTests(text: string): readonly U32Test[] | string {
  let i = 0;
  const blanks = (): void => {
    while (i < text.length && /\s/.test(text[i] ?? '')) i++;
  };
  const fail = (what: string, at = i): string => `u32: at char ${at}: ${what}`;
  /** A number with base 0; the position in the text moves behind it. */
  const number = (): number | string => {
    const m = /^(0[xX][0-9a-fA-F]+|[0-9]+)/.exec(text.slice(i));
    if (!m) return fail('not a number or out of range');
    let word = m[0];
    if (/^0[0-7]*[89]/.test(word)) word = /^0[0-7]*/.exec(word)?.[0] ?? '0';
    const value = /^0[0-7]+$/.test(word) ? Number.parseInt(word, 8) : Number(word);
    if (value > 0xffffffff) return fail('not a number or out of range');
    i += word.length;
    return value;
  };
  const abrupt = 'u32: abrupt end of input after location specifier';
  const tests: U32Test[] = [];
  for (;;) {
    const steps: { operator: Operator; value: number }[] = [];
    let start: number | undefined;
    let next: Operator | undefined;
    for (;;) {
      blanks();
      if (i >= text.length) return abrupt;
      if (start === undefined || next !== undefined) {
        if (text[i] === '=' && start === undefined) return fail('location spec missing');
        const value = number();
        if (typeof value === 'string') return value;
        if (start === undefined) start = value;
        else if (next !== undefined) {
          if (steps.length + 1 >= sizeMax) return fail('too many operators');
          steps.push({ operator: next, value });
        }
        next = undefined;
        continue;
      }
      if (text[i] === '=') break;
      const operator = (['<<', '>>', '&', '@'] as const).find((o) => text.startsWith(o, i));
      if (operator === undefined) return fail('operator expected');
      if (steps.length + 1 >= sizeMax) return fail('too many operators');
      i += operator.length;
      next = operator;
    }
    i++;
    const ranges: NumberRange[] = [];
    for (;;) {
      blanks();
      const low = number();
      if (typeof low === 'string') return low;
      blanks();
      let high: number | string = low;
      if (text[i] === ':') {
        i++;
        blanks();
        high = number();
        if (typeof high === 'string') return high;
        blanks();
      }
      if (ranges.length >= sizeMax) return fail('too many ","s');
      ranges.push({ low, high });
      if (i >= text.length || text[i] === '&') break;
      if (text[i] !== ',') return fail('expected "," or "&&"');
      i++;
    }
    if (tests.length >= sizeMax) return fail('too many "&&"s');
    tests.push({ start: start ?? 0, steps, ranges });
    if (i >= text.length) return tests;
    if (text[i + 1] !== '&') return fail("a second '&' was expected", i + 1);
    i += 2;
  }
}

const testsOption: OptionType<readonly U32Test[]> = {
  arity: 1,
  placeholder: 'tests',
  shape: {
    kind: 'list',
    of: {
      kind: 'sequence',
      parts: [
        { kind: 'integer', min: 0, max: 60, hex: true },
        { kind: 'words', values: ['', '&0xff', '>>8', '<<4&0xff00', '>>22&0x3c@4'] },
        '=',
        { kind: 'integer', min: 0, max: 0xffffffff, hex: true },
        { kind: 'words', values: ['', ':0xffffffff', ',0x11', ',1:5'] },
      ],
    },
    separator: '&&',
    max: 3,
  },
  parse(words, context) {
    const text = words[0] ?? '';
    const tests = parseTests(text);
    return typeof tests === 'string'
      ? refuse('bad-value', tests, { word: text, option: context.option })
      : tests;
  },
};

const rangeText = ({ low, high }: NumberRange): string =>
  low === high ? hex(low) : `${hex(low)}:${hex(high)}`;

function testsText(tests: readonly U32Test[]): string {
  return tests
    .map(
      (t) =>
        `${hex(t.start)}${t.steps.map((s) => s.operator + hex(s.value)).join('')}=${t.ranges.map(rangeText).join(',')}`,
    )
    .join('&&');
}

/** A number of 32 bits, and which of them are known; those that are not are 0 in `value`. */
interface Bits {
  readonly value: number;
  readonly known: number;
}

const allKnown = 0xffffffff;

/** Four bytes in network order. */
function wordAt({ bytes, known }: PacketBytes, at: number): Bits {
  let value = 0;
  let mask = 0;
  for (let i = at; i < at + 4; i++) {
    const isKnown = known[i] === 1;
    value = value * 256 + (isKnown ? (bytes[i] ?? 0) : 0);
    mask = mask * 256 + (isKnown ? 0xff : 0);
  }
  return { value, known: mask };
}

/** Shifts beyond the width are what the processor makes of them: the count modulo 32. What comes in are known zeros. */
const shifted = ({ value, known }: Bits, operator: '<<' | '>>', by: number): Bits =>
  operator === '<<'
    ? { value: (value << (by & 31)) >>> 0, known: ~(~known << (by & 31)) >>> 0 }
    : { value: value >>> (by & 31), known: ~(~known >>> (by & 31)) >>> 0 };

/** False also where a test reads behind the end; undefined: bytes that are not known decide. */
function holds(test: U32Test, packet: PacketBytes): boolean | undefined {
  const length = packet.bytes.length;
  if (length < 4 || test.start > length - 4) return false;
  let base = 0;
  let word = wordAt(packet, test.start);
  for (const { operator, value: operand } of test.steps) {
    if (operator === '&')
      word = { value: (word.value & operand) >>> 0, known: (word.known | ~operand) >>> 0 };
    else if (operator !== '@') word = shifted(word, operator, operand);
    else if (word.known !== allKnown) return undefined;
    else {
      base += word.value;
      if (base > 0xffffffff || base + 4 > length || operand > length - base - 4) return false;
      word = wordAt(packet, base + operand);
    }
  }
  // From the least that it can be to the most; not each number between them.
  const least = word.value;
  const most = (word.value | ~word.known) >>> 0;
  if (test.ranges.some(({ low, high }) => low <= least && most <= high)) return true;
  return test.ranges.some(({ low, high }) => low <= most && least <= high) ? undefined : false;
}

function judge(tests: readonly U32Test[], packet: Packet): boolean | undefined {
  const bytes = packetBytes(packet);
  let unknown = false;
  for (const test of tests) {
    const answer = holds(test, bytes);
    if (answer === false) return false;
    if (answer === undefined) unknown = true;
  }
  return unknown ? undefined : true;
}

/** Numbers read from anywhere in the packet, headers included. */
export const u32 = defineMatch({
  name: 'u32',
  families: ['ipv4', 'ipv6'],
  options: { u32: { type: testsOption, required: true, invertible: true } },
  constraints: {},
  needs: ['payload'],
  bind: (o): U32Data | Refusal => ({ tests: o.u32.value, negated: o.u32.negated }),
  print: (d) => [option('u32', `"${testsText(d.tests)}"`, d.negated)],
  compile: (d) => (packet, env) => {
    const answer = judge(d.tests, packet);
    if (answer !== undefined) return tri(answer, d.negated);
    return env.ask('payload', d.negated ? ['matching', 'other'] : ['other', 'matching']);
  },
  packets: (d, space) =>
    complementIf(
      d.negated,
      space,
      space.choice({ kind: 'pure', key: `u32 ${testsText(d.tests)}`, reads: packetReads }),
    ),
  docs: {
    summary: 'Numbers at given places of the packet.',
    man: 'iptables-extensions(8) u32',
    kernel: 'net/netfilter/xt_u32.c u32_mt()',
  },
});
