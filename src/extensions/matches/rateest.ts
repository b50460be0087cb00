import { parseUnsigned } from '../../net/integer-text.ts';
import { type BoundOption, defineMatch, type OptionType, type Refusal, refuse } from '../define.ts';
import { cutUtf8, flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** Rates to compare with, of the first and the second estimator. */
interface Rates {
  readonly first: number;
  readonly second: number;
}

/** A comparison of measured rates. */
export interface RateestData {
  readonly first: string;
  /** Compares two estimators; else one with given rates. */
  readonly second: string | undefined;
  /** The rates are what the given ones leave of the estimators'. */
  readonly delta: boolean;
  readonly op: 'lt' | 'gt' | 'eq';
  readonly negated: boolean;
  /** Bytes in a second, 32 bits. */
  readonly bytes: Rates | undefined;
  /** Packets in a second. */
  readonly packets: Rates | undefined;
}

const nameMax = 15;
const u32 = 2 ** 32;

const nameOption: OptionType<string> = {
  arity: 1,
  placeholder: 'name',
  shape: { kind: 'name', maxBytes: nameMax },
  parse: (words) => cutUtf8(words[0] ?? '', nameMax),
};

/** Bits in a second of each unit, in any case. */
const units: Readonly<Record<string, number>> = {
  bit: 1,
  kibit: 1024,
  kbit: 1000,
  mibit: 1024 ** 2,
  mbit: 1000 ** 2,
  gibit: 1024 ** 3,
  gbit: 1000 ** 3,
  tibit: 1024 ** 4,
  tbit: 1000 ** 4,
  bps: 8,
  kibps: 8 * 1024,
  kbps: 8 * 1000,
  mibps: 8 * 1024 ** 2,
  mbps: 8 * 1000 ** 2,
  gibps: 8 * 1024 ** 3,
  gbps: 8 * 1000 ** 3,
  tibps: 8 * 1024 ** 4,
  tbps: 8 * 1000 ** 4,
};

/** A rate that may be left out where two estimators are compared; it is zero then. */
const byteRate: OptionType<number> = {
  arity: 1,
  optional: true,
  placeholder: '[rate]',
  shape: {
    kind: 'sequence',
    parts: [
      { kind: 'integer', min: 1, max: 900 },
      { kind: 'words', values: ['bit', 'kbit', 'mbit', 'kbps'] },
    ],
  },
  parse(words, context) {
    const text = words[0];
    if (text === undefined) return 0;
    const m = /^\s*\+?(\d+(?:\.\d*)?|\.\d+)([a-z]*)$/i.exec(text);
    const unit = (m?.[2] ?? '').toLowerCase();
    const bits = unit === '' ? 1 : Object.hasOwn(units, unit) ? units[unit] : undefined;
    return m && bits !== undefined
      ? Math.floor((Number(m[1]) * bits) / 8) % u32
      : refuse('bad-value', `rateest: could not parse rate \`${text}'`, {
          word: text,
          option: context.option,
        });
  },
};

const packetRate: OptionType<number> = {
  arity: 1,
  optional: true,
  placeholder: '[packets]',
  shape: { kind: 'integer', min: 0, max: u32 - 1 },
  parse(words, context) {
    const text = words[0];
    if (text === undefined) return 0;
    return (
      parseUnsigned(text, u32 - 1) ??
      refuse('bad-value', `rateest: could not parse pps \`${text}'`, { word: text, option: context.option })
    );
  },
};

/** As tc prints: rounded to three digits or so, and read again as another rate. */
function byteRateText(bytes: number): string {
  const bits = bytes * 8;
  if (bits >= 1000 * 1_000_000) return `${roundEven(bits, 1_000_000)}Mbit`;
  return bits >= 1000 * 1000 ? `${roundEven(bits, 1000)}Kbit` : `${bits}bit`;
}

/** The quotient as printf(3) rounds it: halves to the even side. */
function roundEven(value: number, divisor: number): number {
  const down = Math.floor(value / divisor);
  const rest = (value - down * divisor) * 2;
  return rest > divisor || (rest === divisor && down % 2 === 1) ? down + 1 : down;
}

/** The first rate counts with `--rateest-delta` only, the second unless two estimators are compared directly. */
const rates = (
  first: BoundOption<number> | undefined,
  second: BoundOption<number> | undefined,
  delta: boolean,
  relative: boolean,
): Rates | undefined =>
  first || second
    ? { first: delta ? (first?.value ?? 0) : 0, second: delta || !relative ? (second?.value ?? 0) : 0 }
    : undefined;

/** What iptables-save prints; it repeats the operator for the second rate, which cannot be read again. */
function conditions(d: RateestData, keepMeaning: boolean): readonly string[] {
  const operator = option(`rateest-${d.op}`, '', d.negated);
  const out: string[] = d.delta ? [option('rateest-delta')] : [];
  out.push(option(d.second === undefined ? 'rateest' : 'rateest1', d.first));
  const text = keepMeaning ? (n: number) => `${n * 8}bit` : byteRateText;
  let printed = false;
  const add = (name: 'bps' | 'pps', c: Rates | undefined, show: (n: number) => string): void => {
    if (!c) return;
    if (d.delta) out.push(option(`rateest-${name}1`, show(c.first)));
    if (!printed || !keepMeaning) out.push(operator);
    printed = true;
    if (d.delta) out.push(option(`rateest-${name}2`, show(c.second)));
    else out.push(option(`rateest-${name}`, d.second === undefined ? show(c.second) : ''));
  };
  add('bps', d.bytes, text);
  add('pps', d.packets, String);
  if (d.second !== undefined) out.push(option('rateest2', d.second));
  return out;
}

/** Rates that RATEEST targets measure, which fwsim does not keep: the answer is asked for. */
export const rateest = defineMatch({
  name: 'rateest',
  families: ['ipv4', 'ipv6'],
  options: {
    rateest1: { type: nameOption, aliases: ['rateest'] },
    rateest2: { type: nameOption },
    'rateest-bps1': { type: byteRate },
    'rateest-pps1': { type: packetRate },
    'rateest-bps2': { type: byteRate, aliases: ['rateest-bps'] },
    'rateest-pps2': { type: packetRate, aliases: ['rateest-pps'] },
    'rateest-delta': { type: flag },
    'rateest-lt': { type: flag, invertible: true },
    'rateest-gt': { type: flag, invertible: true },
    'rateest-eq': { type: flag, invertible: true },
  },
  constraints: {},
  needs: ['clock'],
  bind: (o): RateestData | Refusal => {
    const operators = (['lt', 'gt', 'eq'] as const).flatMap((op) => {
      const given = o[`rateest-${op}`];
      return given ? [{ op, given }] : [];
    });
    // Of several operators the last one written counts; a `!` of any turns it over.
    const last = operators.sort((a, b) => a.given.position - b.given.position).at(-1);
    const delta = o['rateest-delta'] !== undefined;
    const relative = o.rateest2 !== undefined;
    const bytes = rates(o['rateest-bps1'], o['rateest-bps2'], delta, relative);
    const packets = rates(o['rateest-pps1'], o['rateest-pps2'], delta, relative);
    if (!last || (!bytes && !packets)) {
      return refuse('missing-option', 'rateest: a rate and an operator are needed (Invalid argument)', {
        hint: '--rateest-bps or --rateest-pps, and --rateest-lt, --rateest-gt or --rateest-eq',
      });
    }
    return {
      first: o.rateest1?.value ?? '',
      second: o.rateest2?.value,
      delta,
      op: last.op,
      negated: operators.some((x) => x.given.negated),
      bytes,
      packets,
    };
  },
  check: (d) =>
    d.first === '' || d.second === ''
      ? refuse('unknown-estimator', 'rateest: an estimator without a name does not exist', {
          hint: '--rateest1 NAME, as a RATEEST target has it',
        })
      : undefined,
  print: (d, { keepMeaning }) => conditions(d, keepMeaning),
  compile: (d) => {
    const topic = `rateest:${d.first}`;
    return (_packet, env) => env.ask(topic, d.negated ? ['matching', 'other'] : ['other', 'matching']);
  },
  packets: (d, space) =>
    space.choice({ kind: 'shared', list: `rateest:${d.first}`, key: conditions(d, true).join(' ') }),
  docs: {
    summary: 'Rates that the RATEEST target measures.',
    man: 'iptables-extensions(8) rateest',
    kernel: 'net/netfilter/xt_rateest.c xt_rateest_mt()',
  },
});
