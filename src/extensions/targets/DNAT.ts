import { defineTarget, type NatRange, type Refusal } from '../define.ts';
import { natFlagTexts, natRangeOption, natRangeText, portsNeedProtocol } from '../nat-range.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j DNAT` says, as data. */
export interface DnatData {
  readonly range: NatRange;
}

/** Rewrites the destination of a connection's first packet, and of the rest of the connection with it. */
export const DNAT = defineTarget({
  name: 'DNAT',
  families: ['ipv4', 'ipv6'],
  options: {
    'to-destination': { type: natRangeOption('kept'), required: true },
    random: { type: flag },
    persistent: { type: flag },
  },
  constraints: { tables: ['nat'], hooks: ['PREROUTING', 'OUTPUT'] },
  needs: [],
  usesConntrack: () => true,
  bind: (o, context): DnatData | Refusal => {
    const range = {
      ...o['to-destination'].value,
      random: o.random !== undefined,
      persistent: o.persistent !== undefined,
    };
    return portsNeedProtocol(range, context, '--to-destination') ?? { range };
  },
  print: ({ range }, context) => [
    option('to-destination', natRangeText(range, context)),
    ...natFlagTexts(range),
  ],
  compile:
    ({ range }) =>
    (env) =>
      env.nat('destination', 'range', range),
  effect: ({ range }) => ({
    changes: [{ field: 'nat', manip: 'destination', from: 'range', range }],
    outcome: 'accept',
  }),
  docs: {
    summary: 'Rewrites the destination address and port of new connections.',
    man: 'iptables-extensions(8) DNAT',
    kernel: 'net/netfilter/xt_nat.c xt_dnat_target_v2(), net/netfilter/nf_nat_core.c nf_nat_setup_info()',
  },
});
