import { defineTarget } from '../define.ts';

/** NOTRACK has no options. */
export type NotrackData = Readonly<Record<string, never>>;

/** The same as `CT --notrack`. */
export const NOTRACK = defineTarget({
  name: 'NOTRACK',
  families: ['ipv4', 'ipv6'],
  options: {},
  constraints: { tables: ['raw'] },
  needs: ['conntrack'],
  bind: (): NotrackData => ({}),
  print: () => [],
  compile: () => (env) => {
    env.untrack();
    return 'continue';
  },
  effect: () => ({ changes: [{ field: 'ctState', operation: 'untrack' }], outcome: 'continue' }),
  docs: {
    summary: 'Switches connection tracking off for the packet; CT --notrack in its old spelling.',
    man: 'iptables-extensions(8) NOTRACK',
    kernel: 'net/netfilter/xt_CT.c notrack_tg()',
  },
});
