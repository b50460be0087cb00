import { defineTarget, type NatRange, type Refusal } from '../define.ts';
import { natFlagTexts, natRangeOption, natRangeText, portsNeedProtocol } from '../nat-range.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j SNAT` says, as data. */
export interface SnatData {
  readonly range: NatRange;
}

/** Rewrites the source of a connection's first packet, and of the rest of the connection with it. */
export const SNAT = defineTarget({
  name: 'SNAT',
  families: ['ipv4', 'ipv6'],
  options: {
    'to-source': { type: natRangeOption('lost'), required: true },
    random: { type: flag },
    'random-fully': { type: flag },
    persistent: { type: flag },
  },
  constraints: { tables: ['nat'], hooks: ['POSTROUTING', 'INPUT'] },
  needs: [],
  usesConntrack: () => true,
  bind: (o, context): SnatData | Refusal => {
    const range = {
      ...o['to-source'].value,
      random: o.random !== undefined,
      randomFully: o['random-fully'] !== undefined,
      persistent: o.persistent !== undefined,
    };
    return portsNeedProtocol(range, context, '--to-source') ?? { range };
  },
  print: ({ range }, context) => [option('to-source', natRangeText(range, context)), ...natFlagTexts(range)],
  compile:
    ({ range }) =>
    (env) =>
      env.nat('source', 'range', range),
  effect: ({ range }) => ({
    changes: [{ field: 'nat', manip: 'source', from: 'range', range }],
    outcome: 'accept',
  }),
  docs: {
    summary: 'Rewrites the source address and port of new connections.',
    man: 'iptables-extensions(8) SNAT',
    kernel: 'net/netfilter/xt_nat.c xt_snat_target_v1(), net/netfilter/nf_nat_core.c nf_nat_setup_info()',
  },
});
