import type { Family } from '../../net/address.ts';
import { defineTarget, type OptionType, type Refusal, refuse } from '../define.ts';
import { option } from '../printed-words.ts';

/** What one `-j REJECT` says, as data. */
export interface RejectData {
  /** The answer as iptables-save names it: `icmp-port-unreachable`, `tcp-reset`, `icmp6-no-route` … */
  readonly with: string;
}

/**
 * Answers with their short names, in the order in which they are searched: any beginning of either name will do, in
 * any case, and the first that fits is taken.
 *
 * Source: iptables 1.8.9 extensions/libipt_REJECT.c, libip6t_REJECT.c.
 */
const answers: Readonly<Record<Family, readonly (readonly [name: string, short: string])[]>> = {
  ipv4: [
    ['icmp-net-unreachable', 'net-unreach'],
    ['icmp-host-unreachable', 'host-unreach'],
    ['icmp-proto-unreachable', 'proto-unreach'],
    ['icmp-port-unreachable', 'port-unreach'],
    ['icmp-net-prohibited', 'net-prohib'],
    ['icmp-host-prohibited', 'host-prohib'],
    ['tcp-reset', 'tcp-rst'],
    ['icmp-admin-prohibited', 'admin-prohib'],
  ],
  ipv6: [
    ['icmp6-no-route', 'no-route'],
    ['icmp6-adm-prohibited', 'adm-prohibited'],
    ['icmp6-addr-unreachable', 'addr-unreach'],
    ['icmp6-port-unreachable', 'port-unreach'],
    ['tcp-reset', 'tcp-reset'],
    ['icmp6-policy-fail', 'policy-fail'],
    ['icmp6-reject-route', 'reject-route'],
  ],
};

const defaultAnswer: Readonly<Record<Family, string>> = {
  ipv4: 'icmp-port-unreachable',
  ipv6: 'icmp6-port-unreachable',
};

const rejectWith: OptionType<string> = {
  arity: 1,
  placeholder: 'type',
  shape: {
    kind: 'words',
    values: ['icmp-port-unreachable', 'icmp-admin-prohibited', 'icmp-host-prohibited', 'tcp-reset'],
  },
  parse(words, { family, option }) {
    const word = words[0] ?? '';
    const lower = word.toLowerCase();
    const found = answers[family].find(([name, short]) => name.startsWith(lower) || short.startsWith(lower));
    if (found) return found[0];
    const other: Family = family === 'ipv4' ? 'ipv6' : 'ipv4';
    const elsewhere = answers[other].some(([name, short]) => name === lower || short === lower);
    return refuse('bad-value', `unknown reject type "${word}"`, {
      word,
      option,
      hint: elsewhere
        ? `that is an ${other === 'ipv6' ? 'IPv6' : 'IPv4'} answer; the default here is ${defaultAnswer[family]}`
        : `one of ${answers[family].map(([name]) => name).join(', ')}`,
    });
  },
};

/** Drops the packet and tells its sender. */
export const REJECT = defineTarget({
  name: 'REJECT',
  families: ['ipv4', 'ipv6'],
  options: { 'reject-with': { type: rejectWith } },
  constraints: { tables: ['filter'], hooks: ['INPUT', 'FORWARD', 'OUTPUT'] },
  needs: [],
  bind: (o, context): RejectData => ({
    with: o['reject-with']?.value ?? defaultAnswer[context.family],
  }),
  check: (d, { base }): Refusal | undefined =>
    d.with === 'tcp-reset' && (base.protocol?.value !== 6 || base.protocol.negated)
      ? refuse('needs-protocol', 'tcp-reset answers TCP only: the kernel refuses it without -p tcp', {
          option: '--reject-with',
          hint: 'add -p tcp, or reject other protocols in a rule of their own',
        })
      : undefined,
  print: (d) => [option('reject-with', d.with)],
  compile: (d) => (env) => env.reject(d.with),
  effect: (d) => ({ changes: [], outcome: 'drop', rejectWith: d.with }),
  docs: {
    summary: 'Drops the packet and answers with an ICMP error or a TCP reset.',
    man: 'iptables-extensions(8) REJECT',
    kernel: 'net/ipv4/netfilter/ipt_REJECT.c reject_tg(), net/ipv6/netfilter/ip6t_REJECT.c reject_tg6()',
  },
});
