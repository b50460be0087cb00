import { defineTarget, type OptionType, type Refusal, refuse } from '../define.ts';
import { flag, integer, type NumberRange, readRange } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j NFQUEUE` says, as data. */
export interface NfqueueData {
  /** First and last queue; packets are spread over them by connection. */
  readonly queues: NumberRange;
  /** With nobody listening the packet is accepted, not dropped. */
  readonly bypass: boolean;
  readonly cpuFanout: boolean;
}

const balance: OptionType<NumberRange> = {
  arity: 1,
  placeholder: 'first:last',
  shape: { kind: 'range', min: 0, max: 65535, separator: ':', open: true },
  parse(words, context) {
    const text = words[0] ?? '';
    const { option } = context;
    const ends = readRange(text, 65535n, context);
    if ('refusal' in ends) return ends;
    if (!text.includes(':')) {
      return refuse('bad-value', `Bad range "${text}"`, {
        word: text === '' ? option : text,
        option,
        hint: 'two queue numbers: --queue-balance 0:3; for one queue --queue-num',
      });
    }
    const [low, high] = [Number(ends[0]), Number(ends[1])];
    return low < high
      ? { low, high }
      : refuse('reversed-range', `${low} should be less than ${high}`, { word: text, option });
  },
};

/** Hands the packet to a program, which decides its fate. */
export const NFQUEUE = defineTarget({
  name: 'NFQUEUE',
  families: ['ipv4', 'ipv6'],
  options: {
    'queue-num': { type: integer(0, 65535), excludes: ['queue-balance'] },
    'queue-balance': { type: balance, excludes: ['queue-num'] },
    'queue-bypass': { type: flag },
    'queue-cpu-fanout': { type: flag, requires: ['queue-balance'] },
  },
  constraints: {},
  needs: [],
  bind: (o): NfqueueData => {
    const number = o['queue-num']?.value ?? 0;
    return {
      queues: o['queue-balance']?.value ?? { low: number, high: number },
      bypass: o['queue-bypass'] !== undefined,
      cpuFanout: o['queue-cpu-fanout'] !== undefined,
    };
  },
  check: ({ queues }): Refusal | undefined =>
    queues.high - queues.low === 65535
      ? refuse('bad-value', 'NFQUEUE cannot spread over all 65536 queues (Invalid argument)', {
          option: '--queue-balance',
        })
      : undefined,
  print: ({ queues, bypass, cpuFanout }) => [
    queues.low === queues.high
      ? option('queue-num', String(queues.low))
      : option('queue-balance', `${queues.low}:${queues.high}`),
    ...(bypass ? [option('queue-bypass')] : []),
    ...(cpuFanout ? [option('queue-cpu-fanout')] : []),
  ],
  compile: ({ bypass }) =>
    bypass
      ? (env) => {
          env.note('accepted if no program listens');
          return 'queue';
        }
      : () => 'queue',
  effect: () => ({ changes: [], outcome: 'queue' }),
  docs: {
    summary: 'Hands the packet to a program that decides its fate.',
    man: 'iptables-extensions(8) NFQUEUE',
    kernel: 'net/netfilter/xt_NFQUEUE.c nfqueue_tg_v3()',
  },
});
