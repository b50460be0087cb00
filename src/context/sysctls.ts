/** The sysctls that decide what becomes of packets, and their values where nobody says. */

import type { Fact, Machine } from '../model/machine.ts';

/**
 * The kernel's own defaults. Distributions set some otherwise (`rp_filter` 2 is common). `ip_forward` and
 * `forwarding` are not here: whether a machine routes is asked or inferred, never assumed.
 *
 * Source: Documentation/networking/ip-sysctl.rst, nf_conntrack-sysctl.rst; read on Linux 6.18 in a fresh namespace.
 */
export const defaultSysctls: Readonly<Record<string, string>> = {
  'net.ipv4.conf.all.rp_filter': '0',
  'net.ipv4.conf.default.rp_filter': '0',
  'net.ipv4.conf.all.accept_local': '0',
  'net.ipv4.conf.default.accept_local': '0',
  'net.ipv4.conf.all.route_localnet': '0',
  'net.ipv4.conf.default.route_localnet': '0',
  'net.ipv4.conf.all.bc_forwarding': '0',
  'net.ipv4.conf.default.bc_forwarding': '0',
  'net.ipv4.fwmark_reflect': '0',
  'net.ipv4.tcp_fwmark_accept': '0',
  'net.ipv6.fwmark_reflect': '0',
  'net.netfilter.nf_conntrack_tcp_loose': '1',
  'net.netfilter.nf_conntrack_tcp_be_liberal': '0',
  'net.netfilter.nf_conntrack_checksum': '1',
};

/** Names of an interface as they stand in a sysctl's name: `eth0.1` is `eth0/1`. */
export function sysctlInterface(name: string): string {
  return name.replaceAll('.', '/');
}

/** A sysctl with where its value comes from. */
export function sysctlFact(machine: Machine, name: string): Fact<string | undefined> {
  const inferred = machine.inferredSysctls;
  const guess = inferred && Object.hasOwn(inferred, name) ? inferred[name] : undefined;
  if (guess) return guess;
  const { value, provenance, source } = machine.sysctls;
  if (Object.hasOwn(value, name)) return { value: value[name], provenance, source };
  return Object.hasOwn(defaultSysctls, name)
    ? { value: defaultSysctls[name], provenance: 'default', source: "the kernel's default" }
    : { value: undefined, provenance: 'unknown', source: 'no sysctl given' };
}
