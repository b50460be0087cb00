import { defineTarget, type Refusal, refuse } from '../define.ts';

/** MIRROR has no options. */
export type MirrorData = Readonly<Record<string, never>>;

/** Sent the packet back where it came from; experimental, and gone for good reasons. */
export const MIRROR = defineTarget({
  name: 'MIRROR',
  families: ['ipv4'],
  options: {},
  constraints: { hooks: ['PREROUTING', 'INPUT', 'FORWARD'] },
  needs: [],
  bind: (_, { version }): MirrorData | Refusal =>
    /^1\.([0-3]|4\.[0-9]$)/.test(version)
      ? {}
      : refuse('obsolete-target', `Chain 'MIRROR' does not exist: iptables ${version} has no such target`, {
          word: 'MIRROR',
          hint: 'it left with Linux 2.6; -j REJECT or -j DROP',
        }),
  print: () => [],
  compile: () => (env) => {
    env.note('sent back to where it came from');
    return 'stolen';
  },
  effect: () => ({ changes: [], outcome: 'stolen' }),
  docs: {
    summary: 'Sent the packet back to its sender; gone since Linux 2.6.',
    man: 'iptables(8) MIRROR (before 1.4.10)',
    kernel: 'net/ipv4/netfilter/ipt_MIRROR.c (before Linux 2.6)',
  },
});
