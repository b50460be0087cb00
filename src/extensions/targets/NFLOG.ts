import { defineTarget } from '../define.ts';
import { cutUtf8, freeText, integer } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** What one `-j NFLOG` says, as data. */
export interface NflogData {
  readonly group: number;
  /** Empty: none. */
  readonly prefix: string;
  /** `--nflog-size`: bytes of the packet that are copied; undefined: all. */
  readonly sizeBytes: number | undefined;
  /** `--nflog-range`, the old option that never worked. */
  readonly rangeBytes: number | undefined;
  /** Packets queued in the kernel before they are sent up; 0: the kernel's default. */
  readonly thresholdCount: number;
}

const u32 = integer(0, 0xffffffff);
const u16 = integer(0, 65535);

/** Longest prefixes, in bytes. Source: include/net/netfilter/nf_log.h, include/uapi/linux/netfilter/xt_NFLOG.h. */
const prefixMax = { nft: 127, legacy: 63 } as const;

/** Hands the packet to a logging daemon and goes on. */
export const NFLOG = defineTarget({
  name: 'NFLOG',
  families: ['ipv4', 'ipv6'],
  options: {
    'nflog-group': { type: u16 },
    'nflog-prefix': { type: freeText(prefixMax.nft, { minBytes: 1, tooLong: 'cut' }) },
    'nflog-range': { type: u32, excludes: ['nflog-size'] },
    'nflog-size': { type: u32, excludes: ['nflog-range'] },
    'nflog-threshold': { type: u16 },
  },
  constraints: {},
  needs: [],
  bind: (o, context): NflogData => ({
    group: o['nflog-group']?.value ?? 0,
    prefix: cutUtf8(o['nflog-prefix']?.value ?? '', prefixMax[context.backend]),
    sizeBytes: o['nflog-size']?.value,
    // The nft back end has no place for it.
    rangeBytes: (context.backend === 'legacy' && o['nflog-range']?.value) || undefined,
    thresholdCount: o['nflog-threshold']?.value ?? 0,
  }),
  print: (d) => [
    ...(d.prefix === '' ? [] : [option('nflog-prefix', saveString(d.prefix))]),
    ...(d.group === 0 ? [] : [option('nflog-group', String(d.group))]),
    ...(d.sizeBytes === undefined ? [] : [option('nflog-size', String(d.sizeBytes))]),
    ...(d.rangeBytes === undefined ? [] : [option('nflog-range', String(d.rangeBytes))]),
    ...(d.thresholdCount === 0 ? [] : [option('nflog-threshold', String(d.thresholdCount))]),
  ],
  compile:
    ({ prefix, group }) =>
    (env) => {
      env.log({ via: 'NFLOG', prefix, group });
      return 'continue';
    },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Hands the packet to a logging daemon and goes on with the next rule.',
    man: 'iptables-extensions(8) NFLOG',
    kernel: 'net/netfilter/xt_NFLOG.c nflog_tg()',
  },
});
