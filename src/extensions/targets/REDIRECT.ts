import { defineTarget, type NatRange, type Refusal } from '../define.ts';
import { natFlagTexts, natPortsOption, natPortsText, noRange, portsNeedProtocol } from '../nat-range.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j REDIRECT` says, as data. */
export interface RedirectData {
  /** Without addresses: the incoming interface's first one, or the loopback address for local packets. */
  readonly range: NatRange;
}

/** Destination NAT to this machine itself. */
export const REDIRECT = defineTarget({
  name: 'REDIRECT',
  families: ['ipv4', 'ipv6'],
  options: {
    'to-ports': { type: natPortsOption('refused') },
    random: { type: flag },
  },
  constraints: { tables: ['nat'], hooks: ['PREROUTING', 'OUTPUT'] },
  needs: ['interfaces'],
  usesConntrack: () => true,
  bind: (o, context): RedirectData | Refusal => {
    const range = { ...(o['to-ports']?.value ?? noRange), random: o.random !== undefined };
    return portsNeedProtocol(range, context, '--to-ports') ?? { range };
  },
  print: ({ range }, context) => [
    ...(range.ports ? [option('to-ports', natPortsText(range, context))] : []),
    ...natFlagTexts(range),
  ],
  compile:
    ({ range }) =>
    (env) =>
      env.nat('destination', 'redirect', range),
  effect: ({ range }) => ({
    changes: [{ field: 'nat', manip: 'destination', from: 'redirect', range }],
    outcome: 'accept',
  }),
  docs: {
    summary: 'Rewrites the destination of new connections to this machine itself.',
    man: 'iptables-extensions(8) REDIRECT',
    kernel: 'net/netfilter/nf_nat_redirect.c nf_nat_redirect_ipv4(), nf_nat_redirect_ipv6()',
  },
});
