import { complementIf } from '../../packetset/space.ts';
import { defineMatch, NO, type OptionType, type Refusal, refuse, tri, YES } from '../define.ts';
import { integer, oneOf } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** A probability as the kernel keeps it, or a count: packets `packet`, `packet` + `every` and so on, from 0. */
export type StatisticData =
  | { readonly mode: 'random' /** Of 2³¹. */; readonly chance: number; readonly negated: boolean }
  | { readonly mode: 'nth'; readonly every: number; readonly packet: number; readonly negated: boolean };

const certain = 2 ** 31;

/** A decimal or hexadecimal fraction as strtod(3) reads it. */
function parseFraction(text: string): number | undefined {
  const t = text.trimStart();
  // Not a number becomes the integer 0 on its way into the kernel.
  if (/^[+-]?nan$/i.test(t)) return 0;
  if (/^[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(t)) return Number(t);
  const hex = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i.exec(t);
  const [, sign, whole = '', fraction = '', exponent = '0'] = hex ?? [];
  if (whole !== '' || fraction !== '') {
    const digits = Number.parseInt(whole + fraction, 16);
    return (sign === '-' ? -1 : 1) * digits * 2 ** (Number(exponent) - 4 * fraction.length);
  }
  return undefined;
}

const probabilityOption: OptionType<number> = {
  arity: 1,
  placeholder: 'p',
  shape: { kind: 'sequence', parts: ['0.', { kind: 'integer', min: 0, max: 999999999 }] },
  parse(words, context) {
    const value = parseFraction(words[0] ?? '');
    return value === undefined || value < 0 || value > 1
      ? refuse('bad-value', `statistic: bad value for option "${context.option}", or out of range (0-1)`, {
          word: context.option,
          option: context.option,
        })
      : Math.round(value * certain);
  },
};

/** `0.50000000000`: eleven digits, as printf(3) rounds. */
function chanceText(chance: number): string {
  const scaled = BigInt(chance) * 10n ** 11n;
  const divisor = BigInt(certain);
  let digits = scaled / divisor;
  const twice = (scaled % divisor) * 2n;
  if (twice > divisor || (twice === divisor && digits % 2n === 1n)) digits += 1n;
  const text = digits.toString().padStart(12, '0');
  return `${text.slice(0, -11)}.${text.slice(-11)}`;
}

const nthTogether = (word: string): Refusal =>
  refuse('bad-value', 'the --packet p must be 0 <= p <= n-1', { word, option: '--packet' });

/** A random part of the packets, or every nth of those that reach the match. */
export const statistic = defineMatch({
  name: 'statistic',
  families: ['ipv4', 'ipv6'],
  options: {
    mode: { type: oneOf(['random', 'nth'], (word) => `Bad mode "${word}"`) },
    probability: {
      type: probabilityOption,
      invertible: true,
      requires: ['mode'],
      excludes: ['every', 'packet'],
    },
    every: { type: integer(1, 0xffffffff), invertible: true, excludes: ['probability'] },
    packet: { type: integer(0, 0xffffffff), excludes: ['probability'] },
  },
  constraints: {},
  needs: ['clock'],
  bind: (o): StatisticData | Refusal => {
    const { every, packet, probability } = o;
    if (!o.mode || o.mode.value === 'random') {
      return probability
        ? { mode: 'random', chance: probability.value, negated: probability.negated }
        : refuse('missing-option', '--probability must be specified when using random mode');
    }
    if (!every && !packet)
      return refuse('missing-option', '--every and --packet must be specified when using nth mode');
    if (!every) return nthTogether(packet?.words[0] ?? '');
    if (!packet)
      return refuse('missing-option', 'statistic: option "--every" also requires "--packet".', {
        word: '--every',
        option: '--every',
      });
    if (packet.value >= every.value) return nthTogether(packet.words[0] ?? '');
    return { mode: 'nth', every: every.value, packet: packet.value, negated: every.negated };
  },
  print: (d) =>
    d.mode === 'random'
      ? [option('mode', 'random'), option('probability', chanceText(d.chance), d.negated)]
      : [
          option('mode', 'nth'),
          option('every', String(d.every), d.negated),
          option('packet', String(d.packet)),
        ],
  compile: (d, context) => {
    if (d.mode === 'random') {
      if (d.chance === 0) return () => tri(false, d.negated);
      if (d.chance === certain) return () => tri(true, d.negated);
      return d.negated
        ? (_packet, env) => env.ask('random', ['yes', 'no'])
        : (_packet, env) => env.ask('random', ['no', 'yes']);
    }
    const slot = `statistic:${context.slot}`;
    const { every, packet: first, negated } = d;
    if (every === 1) return () => (negated ? NO : YES);
    return (_packet, env) => {
      if (env.timeMs === undefined)
        return negated ? env.ask('random', ['yes', 'no']) : env.ask('random', ['no', 'yes']);
      const seen = (env.readState(slot) as number | undefined) ?? 0;
      env.writeState(slot, (seen + 1) % every);
      return tri(seen === first, negated);
    };
  },
  packets: (d, space) => {
    if (d.mode === 'random' ? d.chance === certain : d.every === 1)
      return complementIf(d.negated, space, space.all);
    if (d.mode === 'random' && d.chance === 0) return complementIf(d.negated, space, space.none);
    return complementIf(d.negated, space, space.choice({ kind: 'rule' }));
  },
  docs: {
    summary: 'A random part of the packets, or every nth of them.',
    man: 'iptables-extensions(8) statistic',
    kernel: 'net/netfilter/xt_statistic.c statistic_mt()',
  },
});
