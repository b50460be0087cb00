import { defineTarget, type Refusal, refuse } from '../define.ts';
import { freeText, integer } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** What one `-j ULOG` says, as data. */
export interface UlogData {
  /** 1 to 32. */
  readonly group: number;
  /** At most 31 bytes; empty: none. */
  readonly prefix: string;
  /** Bytes of the packet that are copied; 0: all. */
  readonly copyRangeBytes: number;
  /** Packets queued in the kernel before they are sent up. */
  readonly thresholdCount: number;
}

/** The netlink log of Linux before 3.17; NFLOG took its place. */
export const ULOG = defineTarget({
  name: 'ULOG',
  families: ['ipv4'],
  options: {
    'ulog-prefix': { type: freeText(31, { minBytes: 1, tooLong: 'cut' }) },
    'ulog-nlgroup': { type: integer(1, 32) },
    'ulog-cprange': { type: integer(0, 0xffffffff) },
    'ulog-qthreshold': { type: integer(1, 50) },
  },
  constraints: {},
  needs: [],
  bind: (o): UlogData | Refusal => {
    const prefix = o['ulog-prefix']?.value ?? '';
    if (prefix.includes('\n')) {
      return refuse('bad-value', 'Newlines not allowed in --ulog-prefix', { option: '--ulog-prefix' });
    }
    return {
      group: o['ulog-nlgroup']?.value ?? 1,
      prefix,
      copyRangeBytes: o['ulog-cprange']?.value ?? 0,
      thresholdCount: o['ulog-qthreshold']?.value ?? 1,
    };
  },
  check: (_, { version }): Refusal | undefined =>
    /^1\.[0-7]\./.test(version)
      ? undefined
      : refuse(
          'obsolete-target',
          'Extension ULOG is not supported: Linux has had no such target since 3.17',
          {
            word: 'ULOG',
            hint: 'use -j NFLOG',
          },
        ),
  print: (d) => [
    ...(d.prefix === '' ? [] : [option('ulog-prefix', saveString(d.prefix))]),
    ...(d.group === 1 ? [] : [option('ulog-nlgroup', String(d.group))]),
    ...(d.copyRangeBytes === 0 ? [] : [option('ulog-cprange', String(d.copyRangeBytes))]),
    ...(d.thresholdCount === 1 ? [] : [option('ulog-qthreshold', String(d.thresholdCount))]),
  ],
  compile:
    ({ prefix, group }) =>
    (env) => {
      env.log({ via: 'ULOG', prefix, group });
      return 'continue';
    },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Hands the packet to a logging daemon; gone since Linux 3.17, use NFLOG.',
    man: 'iptables-extensions(8) ULOG',
    kernel: 'net/ipv4/netfilter/ipt_ULOG.c (before Linux 3.17)',
  },
});
