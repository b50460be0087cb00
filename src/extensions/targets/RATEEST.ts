import { defineTarget, type OptionType, type Refusal, refuse } from '../define.ts';
import { bareText, freeText } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j RATEEST` says, as data. */
export interface RateestTargetData {
  /** Name of the estimator that `-m rateest` asks. */
  readonly name: string;
  /** The rate is taken every 250 ms × 2 to the power of this, 0 to 5. */
  readonly interval: number;
  /** Averaging: the smaller, the sooner old packets are forgotten; 1 to 30. */
  readonly ewmaLog: number;
}

const unitMicroseconds: Readonly<Record<string, number>> = {
  '': 1,
  s: 1e6,
  sec: 1e6,
  secs: 1e6,
  ms: 1e3,
  msec: 1e3,
  msecs: 1e3,
  us: 1,
  usec: 1,
  usecs: 1,
};

/** A double as C makes 32 bits of it: what 64 bits do not hold is zero. */
function cutTo32Bits(value: number): number {
  return Math.abs(value) < 2 ** 63 ? Number(BigInt.asUintN(32, BigInt(Math.trunc(value)))) : 0;
}

/** A time in microseconds, as the unsigned 32 bits that iptables keeps of it. */
function time(what: string): OptionType<number> {
  return {
    arity: 1,
    placeholder: 'time',
    shape: {
      kind: 'sequence',
      parts: [
        { kind: 'integer', min: 1, max: 8 },
        { kind: 'words', values: ['s'] },
      ],
    },
    parse(words, context) {
      const word = words[0] ?? '';
      const m = /^\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)([a-z]*)$/i.exec(word);
      const name = (m?.[2] ?? '').toLowerCase();
      const unit = Object.hasOwn(unitMicroseconds, name) ? unitMicroseconds[name] : undefined;
      return m && unit !== undefined
        ? cutTo32Bits(Number(m[1]) * unit)
        : refuse('bad-value', `RATEEST: bad ${what} value "${word}"`, {
            word: word === '' ? context.option : word,
            option: context.option,
            hint: 'a number with s, ms or us',
          });
    },
  };
}

const quarterSecond = 250_000;

/** Microseconds have 32 bits. */
const timeMax = 0xffffffff;

const timeText = (microseconds: number): string =>
  microseconds >= 1e6
    ? `${(microseconds / 1e6).toFixed(1)}s`
    : microseconds >= 1e3
      ? `${(microseconds / 1e3).toFixed(1)}ms`
      : `${microseconds}us`;

/** Feeds a rate estimator. */
export const RATEEST = defineTarget({
  name: 'RATEEST',
  families: ['ipv4', 'ipv6'],
  options: {
    'rateest-name': { type: freeText(15, { tooLong: 'cut' }) },
    'rateest-interval': { type: time('interval') },
    'rateest-ewmalog': { type: time('ewmalog') },
  },
  constraints: {},
  needs: [],
  bind: (o): RateestTargetData | Refusal => {
    const intervalTime = o['rateest-interval']?.value ?? 0;
    const ewmaTime = o['rateest-ewmalog']?.value ?? 0;
    let interval = 0;
    while (interval < 6 && intervalTime > quarterSecond * 2 ** interval) interval++;
    if (interval > 5) {
      return refuse('bad-value', 'RATEEST: interval value is too large', {
        option: '--rateest-interval',
        hint: 'at most 8s',
      });
    }
    let ewmaLog = 1;
    while (ewmaLog < 32 && intervalTime / -Math.log(1 - 2 ** -ewmaLog) <= ewmaTime) ewmaLog++;
    ewmaLog--;
    if (ewmaLog === 0 || ewmaLog >= 31) {
      return refuse('bad-value', 'RATEEST: ewmalog value is out of range', {
        ...(o['rateest-ewmalog'] ? { option: '--rateest-ewmalog' } : {}),
        hint: 'it should be longer than --rateest-interval',
      });
    }
    const name = o['rateest-name']?.value;
    return name === undefined
      ? refuse('missing-option', 'RATEEST: option "--rateest-name" must be specified')
      : { name, interval, ewmaLog };
  },
  print: (d, context) => {
    const [interval, ewma] = printedTimes(d, context.keepMeaning);
    return [
      option('rateest-name', bareText(d.name, context)),
      option('rateest-interval', interval),
      option('rateest-ewmalog', ewma),
    ];
  },
  compile: (d) => {
    const effect = `counted by rate estimator ${d.name}`;
    return (env) => {
      env.note(effect);
      return 'continue';
    };
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Feeds a rate estimator, which -m rateest can ask.',
    man: 'iptables-extensions(8) RATEEST',
    kernel: 'net/netfilter/xt_RATEEST.c xt_rateest_tg()',
  },
});

/**
 * Interval and averaging time as iptables-save prints them. It computes in 32 bits, so that a long average of a
 * short interval comes out wrong; `keepMeaning` then gives the shortest interval that is read as the same one.
 */
function printedTimes(
  { interval, ewmaLog }: RateestTargetData,
  keepMeaning: boolean,
): readonly [interval: string, ewma: string] {
  const intervalTime = quarterSecond * 2 ** interval;
  const ewma = intervalTime * 2 ** ewmaLog;
  if (ewma <= timeMax) return [timeText(intervalTime), timeText(ewma)];
  if (!keepMeaning) return [timeText(intervalTime), timeText(Number(BigInt.asUintN(32, BigInt(ewma))))];
  const shortest = interval === 0 ? 1 : intervalTime / 2 + 1;
  return [`${shortest}us`, `${Math.min(shortest * 2 ** ewmaLog, timeMax)}us`];
}
