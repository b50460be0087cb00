import { defineTarget, type NatRange, type Refusal } from '../define.ts';
import { natFlagTexts, natPortsOption, natPortsText, noRange, portsNeedProtocol } from '../nat-range.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j MASQUERADE` says, as data. */
export interface MasqueradeData {
  /** Without addresses: the outgoing interface has them. */
  readonly range: NatRange;
}

/** Source NAT to an address of the outgoing interface, the one that suits the next hop. */
export const MASQUERADE = defineTarget({
  name: 'MASQUERADE',
  families: ['ipv4', 'ipv6'],
  options: {
    'to-ports': { type: natPortsOption('lost') },
    random: { type: flag },
    'random-fully': { type: flag },
  },
  constraints: { tables: ['nat'], hooks: ['POSTROUTING'] },
  needs: ['interfaces'],
  usesConntrack: () => true,
  bind: (o, context): MasqueradeData | Refusal => {
    const range = {
      ...(o['to-ports']?.value ?? noRange),
      random: o.random !== undefined,
      randomFully: o['random-fully'] !== undefined,
    };
    return portsNeedProtocol(range, context, '--to-ports') ?? { range };
  },
  print: ({ range }, context) => [
    ...(range.ports ? [option('to-ports', natPortsText(range, context))] : []),
    ...natFlagTexts(range),
  ],
  compile:
    ({ range }) =>
    (env) =>
      env.nat('source', 'masquerade', range),
  effect: ({ range }) => ({
    changes: [{ field: 'nat', manip: 'source', from: 'masquerade', range }],
    outcome: 'accept',
  }),
  docs: {
    summary: 'Rewrites the source of new connections to an address of the outgoing interface.',
    man: 'iptables-extensions(8) MASQUERADE',
    kernel: 'net/netfilter/nf_nat_masquerade.c nf_nat_masquerade_ipv4(), nf_nat_masquerade_ipv6()',
  },
});
