/** The machine around a ruleset: what its administrator told us, what was inferred, and from where. */

import type { Address, Family, Network } from '../net/address.ts';
import type { Backend } from './netfilter.ts';

/** How a fact is known. `given` by a command's output or an option; `inferred` from the ruleset; `default`: the kernel's. */
export type Provenance = 'given' | 'inferred' | 'default' | 'unknown';

/** A fact with its origin in words fit for an answer: `ip -j addr`, `rule nat/POSTROUTING#1 (--to-source)`. */
export interface Fact<T> {
  readonly value: T;
  readonly provenance: Provenance;
  readonly source: string;
}

/** An address on an interface. */
export interface InterfaceAddress {
  readonly address: Address;
  readonly prefixLength: number;
  readonly broadcast: Address | undefined;
  readonly peer: Address | undefined;
  readonly scope: 'global' | 'site' | 'link' | 'host';
  readonly secondary: boolean;
}

/** A network interface with its addresses. */
export interface Interface {
  readonly name: string;
  readonly index: number | undefined;
  readonly mac: string | undefined;
  readonly mtuBytes: number | undefined;
  readonly up: boolean;
  /** `loopback`, `ether`, `none` (tun, ppp) …: link_type of `ip -j addr`. */
  readonly linkType: string;
  /** Bridge or bond that this interface is a port of. */
  readonly master: string | undefined;
  /** What the interface is a port of: `bridge`, `bond`, `vrf` … (`ip -d`); absent: not said. */
  readonly masterKind?: string;
  readonly group: number;
  readonly addresses: readonly InterfaceAddress[];
}

/** Kinds of routes (`RTN_…`). */
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw';

/** Numbers of the routing tables with names of their own. */
export const routeTable = { default: 253, main: 254, local: 255 } as const;

/**
 * What is known of a family's routes. `all`: every table. `main`: the main table without the local one, so `routes`
 * leaves the family out. `connected`: what follows from addresses alone; left out as well. `none`: nothing.
 */
export type RouteCoverage = 'all' | 'main' | 'connected' | 'none';

/** One way that a route leads. */
export interface NextHop {
  readonly via: Address | undefined;
  readonly device: string | undefined;
  readonly weight: number;
}

/** A route of any table. */
export interface Route {
  readonly type: RouteType;
  readonly destination: Network;
  /** `from PREFIX` of IPv6 source routing; undefined: any. */
  readonly source: Network | undefined;
  readonly table: number;
  /** More than one: multipath. None for blackhole and its like. */
  readonly nextHops: readonly NextHop[];
  readonly preferredSource: Address | undefined;
  readonly metric: number;
  readonly scope: 'global' | 'site' | 'link' | 'host' | 'nowhere';
  readonly tos: number;
  readonly mtuBytes: number | undefined;
  readonly realm: number;
  readonly down: boolean;
}

/** What a policy rule does. */
export type PolicyRuleAction = 'lookup' | 'blackhole' | 'unreachable' | 'prohibit' | 'goto' | 'nop';

/** A rule of `ip rule`, in the order of `priority`. */
export interface PolicyRule {
  readonly family: Family;
  readonly priority: number;
  readonly inverted: boolean;
  readonly source: Network | undefined;
  readonly destination: Network | undefined;
  readonly inInterface: string | undefined;
  readonly outInterface: string | undefined;
  readonly mark: number;
  /** Zero: the mark is not looked at. */
  readonly markMask: number;
  readonly tos: number;
  readonly protocol: number | undefined;
  readonly sport: readonly [low: number, high: number] | undefined;
  readonly dport: readonly [low: number, high: number] | undefined;
  readonly uid: readonly [low: number, high: number] | undefined;
  readonly action: PolicyRuleAction;
  /** Table of `lookup`, priority of `goto`. */
  readonly target: number;
  /** Routes with a prefix of this length or shorter are passed over; undefined: none. */
  readonly suppressPrefixLength: number | undefined;
}

/** A member of an ipset, by the text of its parts; `nomatch` turns it into an exception. */
export interface IpSetMember {
  /** The element as `ipset save` prints it: `192.0.2.1`, `10.0.0.0/8,tcp:80`, `setname`. */
  readonly text: string;
  readonly timeoutSeconds: number | undefined;
  readonly nomatch: boolean;
  /** `hash:net,iface`: the interface's name is the beginning of names. */
  readonly wildcard?: boolean;
  readonly skbmark: string | undefined;
  readonly packets: number | undefined;
  readonly bytes: number | undefined;
  readonly comment: string | undefined;
}

/** An ipset as it was saved. */
export interface IpSet {
  readonly name: string;
  /** `hash:ip,port`, `bitmap:port`, `list:set` … */
  readonly type: string;
  readonly family: Family;
  /** Create options as they stand: `timeout`, `netmask`, `range`, `maxelem`, `counters` … A flag has the value `''`. */
  readonly options: Readonly<Record<string, string>>;
  readonly members: readonly IpSetMember[];
}

/** A listening socket (`ss -tulnp`). */
export interface Listener {
  readonly protocol: number;
  readonly address: Address | undefined;
  readonly port: number;
  readonly device: string | undefined;
  readonly process: string | undefined;
}

/** One transformation that IPsec applied to a packet or will. */
export interface IpsecTransform {
  readonly protocol: number;
  readonly mode: 'transport' | 'tunnel';
  readonly reqid: number | undefined;
  readonly spi: number | undefined;
  readonly tunnelSrc: Network | undefined;
  readonly tunnelDst: Network | undefined;
}

/** A transformation that a policy asks for, or a state that carries one out, in the words of `ip xfrm`. */
export interface IpsecTemplate {
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly mode: string;
  readonly reqid: number | undefined;
  readonly spi: number | undefined;
  /** `level use`: applied where a state exists, done without where none does. */
  readonly optional?: boolean;
}

/** A policy of `ip xfrm policy`. */
export interface IpsecPolicy {
  /** `in`, `out` or `fwd`. */
  readonly direction: string;
  readonly source: Network;
  readonly destination: Network;
  /** Protocol and ports of the selector; absent: any. */
  readonly protocol?: number;
  readonly sport?: number;
  readonly dport?: number;
  readonly action: 'allow' | 'block';
  readonly priority: number;
  readonly templates: readonly IpsecTemplate[];
}

/** What a machine is there for, where its administrator says so. */
export const machineRoles = [
  'host',
  'router',
  'transit',
  'container-host',
  'bastion',
  'dns',
  'mail',
  'ntp',
  'proxy',
  'vpn',
  'web',
] as const;

/** One of {@link machineRoles}. `transit`: a router of public networks, meant to be transparent. */
export type MachineRole = (typeof machineRoles)[number];

/** A host and the interface that leads to it. */
export interface HostBehind {
  readonly address: Address;
  readonly interfaceName: string;
}

/** All that is known of the machine that the rules run on. `undefined` values mean: nobody said. */
export interface Machine {
  readonly hostName: Fact<string | undefined>;
  readonly kernelRelease: Fact<string | undefined>;
  readonly backend: Fact<Backend>;
  readonly interfaces: Fact<readonly Interface[] | undefined>;
  readonly routes: Fact<readonly Route[] | undefined>;
  readonly policyRules: Fact<readonly PolicyRule[] | undefined>;
  /** By full name in dotted form, a dot within an interface name as `/`: `net.ipv4.conf.eth0/1.rp_filter`. */
  readonly sysctls: Fact<Readonly<Record<string, string>>>;
  readonly sets: Fact<readonly IpSet[] | undefined>;
  readonly listeners: Fact<readonly Listener[] | undefined>;
  /** Whether something outside of the ruleset keeps conntrack on or off; `auto`: the rules decide. */
  readonly conntrack: Fact<'on' | 'off' | 'auto'>;
  /** Addresses that are (or are not) this machine's, by inference or `--assume`; consulted where routes are unknown. */
  readonly localAddresses: readonly Fact<Address>[];
  readonly remoteAddresses: readonly Fact<Address>[];
  /**
   * Hosts that rules show to be behind an interface; consulted where routes are unknown, and for the port of a bridge.
   * Absent: none.
   */
  readonly behind?: readonly Fact<HostBehind>[];
  /** Interfaces known or inferred to lead to the outside. */
  readonly outside: readonly Fact<string>[];
  /** Interfaces that the administrator says lead to networks of his own. Absent: nobody said. */
  readonly inside?: readonly Fact<string>[];
  /** Interfaces that come and go, in iptables' way of writing: `veth+`. Absent: nobody said. */
  readonly expectedInterfaces?: readonly Fact<string>[];
  /** What the machine is there for. Absent: nobody said. */
  readonly roles?: readonly Fact<MachineRole>[];
  /** Something that is not looked at (native nft rules, the provider) keeps packets from this machine itself. */
  readonly inputFilteredElsewhere?: Fact<boolean>;
  /** Sysctls in `sysctls` that nobody gave, with the evidence for their value. Absent: none. */
  readonly inferredSysctls?: Readonly<Record<string, Fact<string>>>;
  /** Whether the machine forwards for others, and whether a container manager writes rules on it. */
  readonly router?: Fact<boolean | undefined>;
  readonly containerHost?: Fact<boolean | undefined>;
  /** How much of each family's routing tables is known; absent: what `routes` shows. */
  readonly routeCoverage?: Readonly<Record<Family, RouteCoverage>>;
  /** Policies and states of IPsec; absent or undefined: nobody said, and none is assumed. */
  readonly ipsecPolicies?: Fact<readonly IpsecPolicy[] | undefined>;
  readonly ipsecStates?: Fact<readonly IpsecTemplate[] | undefined>;
  /** Names of native nft tables, `inet fw`; undefined value: nobody said. */
  readonly nativeTables?: Fact<readonly string[] | undefined>;
}
