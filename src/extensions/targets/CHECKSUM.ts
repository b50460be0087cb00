import { defineTarget } from '../define.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** CHECKSUM has one option and always the same one. */
export type ChecksumData = Readonly<Record<string, never>>;

/** Fills in a checksum that was left to the network card. It mends no wrong one. */
export const CHECKSUM = defineTarget({
  name: 'CHECKSUM',
  families: ['ipv4', 'ipv6'],
  options: { 'checksum-fill': { type: flag, required: true } },
  constraints: { tables: ['mangle'] },
  needs: [],
  bind: (): ChecksumData => ({}),
  print: () => [option('checksum-fill')],
  compile: () => (env) => {
    env.note('checksum filled in where it was left to the hardware');
    return 'continue';
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Fills in a checksum that was left to the network card.',
    man: 'iptables-extensions(8) CHECKSUM',
    kernel: 'net/netfilter/xt_CHECKSUM.c checksum_tg()',
  },
});
