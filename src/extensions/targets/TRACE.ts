import { defineTarget, type Refusal, refuse } from '../define.ts';

/** TRACE has no options. */
export type TraceTargetData = Readonly<Record<string, never>>;

/** Makes the kernel report every rule that this packet matches from here on. */
export const TRACE = defineTarget({
  name: 'TRACE',
  families: ['ipv4', 'ipv6'],
  options: {},
  constraints: {},
  needs: [],
  bind: (): TraceTargetData => ({}),
  check: (_, { backend, table }): Refusal | undefined =>
    backend === 'legacy' && table !== 'raw'
      ? refuse('wrong-table', 'TRACE works in table raw only; elsewhere the kernel refuses the rule', {
          hint: 'iptables-nft takes it in every table',
        })
      : undefined,
  print: () => [],
  compile: () => (env) => {
    env.log({ via: 'TRACE', prefix: '' });
    return 'continue';
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Makes the kernel report every rule that the packet matches from here on.',
    man: 'iptables-extensions(8) TRACE',
    kernel: 'net/netfilter/xt_TRACE.c trace_tg()',
  },
});
