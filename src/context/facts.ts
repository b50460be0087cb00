/** What the outputs of other commands tell of the machine, before anything is inferred. */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Connection } from '../model/connection.ts';
import type {
  Interface,
  InterfaceAddress,
  IpSet,
  IpSetMember,
  IpsecPolicy,
  IpsecTemplate,
  Listener,
  PolicyRule,
  Route,
} from '../model/machine.ts';
import type { Family } from '../net/address.ts';

/** A value that somebody stated, and where: `ip -j addr`, `line 12`. */
export interface Stated<T> {
  readonly value: T;
  readonly source: string;
}

/** An interface as read; `addressesKnown` is false for `ip link`, which prints none. */
export interface ReadInterface extends Interface {
  readonly addressesKnown: boolean;
}

/** A route as read. `linkDown` counts only with the sysctl ignore_routes_with_linkdown. */
export interface ReadRoute extends Route {
  readonly family: Family;
  readonly linkDown: boolean;
}

/** A native nft table, named by `nft list tables`. */
export interface NftTable {
  readonly family: string;
  readonly name: string;
}

/** An entry of `conntrack -L` or /proc/net/nf_conntrack; `tcpState` is `ESTABLISHED` and the like. */
export interface ConntrackLine {
  readonly connection: Connection;
  readonly tcpState: string | undefined;
}

/** All that was read. An absent part was not in the input; an empty one was, and said "none". */
export interface ContextFacts {
  readonly hostNames: readonly Stated<string>[];
  readonly kernelReleases: readonly Stated<string>[];
  readonly interfaces: Stated<readonly ReadInterface[]> | undefined;
  readonly routes: Stated<readonly ReadRoute[]> | undefined;
  /** Rules of both families, and which families were listed. */
  readonly policyRules: Stated<readonly PolicyRule[]> | undefined;
  readonly policyRuleFamilies: readonly Family[];
  /** Names of routing tables that were given by name only; see `tableNumber`. */
  readonly routeTableNames: Readonly<Record<number, string>>;
  /** In dotted form, a dot within an interface name as `/`. */
  readonly sysctls: Stated<Readonly<Record<string, string>>> | undefined;
  readonly sets: Stated<readonly IpSet[]> | undefined;
  readonly listeners: Stated<readonly Listener[]> | undefined;
  readonly nftTables: Stated<readonly NftTable[]> | undefined;
  readonly connections: Stated<readonly ConntrackLine[]> | undefined;
  readonly ipsecPolicies: Stated<readonly IpsecPolicy[]> | undefined;
  /** States of `ip xfrm state`, as they were written (source, destination and first parameters). */
  readonly ipsecStates: Stated<readonly IpsecTemplate[]> | undefined;
}

/** Facts of an empty input. */
export const noFacts: ContextFacts = {
  hostNames: [],
  kernelReleases: [],
  interfaces: undefined,
  routes: undefined,
  policyRules: undefined,
  policyRuleFamilies: [],
  routeTableNames: {},
  sysctls: undefined,
  sets: undefined,
  listeners: undefined,
  nftTables: undefined,
  connections: undefined,
  ipsecPolicies: undefined,
  ipsecStates: undefined,
};

/** A set under construction: its members by their text. */
export interface SetDraft extends Omit<IpSet, 'members'> {
  readonly members: Map<string, IpSetMember>;
}

/** An interface under construction: its addresses by `ADDRESS/LENGTH`. */
export interface InterfaceDraft {
  readonly about: Omit<ReadInterface, 'addresses'>;
  readonly addresses: Map<string, InterfaceAddress>;
}

/** Where readers put what they find. One per input; nothing of it leaves `claimContext`. */
export interface FactsDraft {
  readonly hostNames: Stated<string>[];
  readonly kernelReleases: Stated<string>[];
  readonly interfaces: Map<string, InterfaceDraft>;
  readonly routes: Map<string, ReadRoute>;
  readonly policyRules: Map<string, PolicyRule>;
  readonly policyRuleFamilies: Set<Family>;
  readonly routeTableNames: Map<number, string>;
  readonly sysctls: Map<string, string>;
  readonly sets: Map<string, SetDraft>;
  readonly listeners: Listener[];
  readonly nftTables: NftTable[];
  readonly connections: ConntrackLine[];
  readonly ipsecPolicies: IpsecPolicy[];
  readonly ipsecStates: IpsecTemplate[];
  /** Commands that each kind of fact came from, in order of appearance. */
  readonly sources: Map<FactKind, Set<string>>;
  readonly diagnostics: Diagnostic[];
  /** Sets that were given members without having been created. */
  readonly missingSets: Set<string>;
  /** The command on the last shell prompt, until a blank line or another prompt. */
  promptCommand: string | undefined;
}

/** Kinds of facts, as {@link noteSource} counts them. */
export type FactKind =
  | 'interfaces'
  | 'routes'
  | 'policyRules'
  | 'sysctls'
  | 'sets'
  | 'listeners'
  | 'nftTables'
  | 'connections'
  | 'ipsecPolicies'
  | 'ipsecStates';

/** An empty draft. */
export function createDraft(): FactsDraft {
  return {
    hostNames: [],
    kernelReleases: [],
    interfaces: new Map(),
    routes: new Map(),
    policyRules: new Map(),
    policyRuleFamilies: new Set(),
    routeTableNames: new Map(),
    sysctls: new Map(),
    sets: new Map(),
    listeners: [],
    nftTables: [],
    connections: [],
    ipsecPolicies: [],
    ipsecStates: [],
    sources: new Map(),
    diagnostics: [],
    missingSets: new Set(),
    promptCommand: undefined,
  };
}

/** Notes that a kind of fact was stated, by which command. */
export function noteSource(draft: FactsDraft, kind: FactKind, command: string): void {
  const known = draft.sources.get(kind);
  if (known) known.add(command);
  else draft.sources.set(kind, new Set([command]));
}

/** The facts of a finished draft. */
export function finishDraft(draft: FactsDraft): ContextFacts {
  const stated = <T>(kind: FactKind, value: T): Stated<T> | undefined => {
    const commands = draft.sources.get(kind);
    return commands && { value, source: [...commands].join(', ') };
  };
  return {
    hostNames: draft.hostNames,
    kernelReleases: draft.kernelReleases,
    interfaces: stated(
      'interfaces',
      [...draft.interfaces.values()].map((i) => ({ ...i.about, addresses: [...i.addresses.values()] })),
    ),
    routes: stated('routes', [...draft.routes.values()]),
    policyRules: stated(
      'policyRules',
      // A stable sort: rules of one priority keep the order in which they were listed.
      [...draft.policyRules.values()].sort((a, b) => a.priority - b.priority),
    ),
    policyRuleFamilies: [...draft.policyRuleFamilies],
    routeTableNames: Object.fromEntries(draft.routeTableNames),
    sysctls: stated('sysctls', Object.fromEntries(draft.sysctls)),
    sets: stated(
      'sets',
      [...draft.sets.values()].map((s) => ({ ...s, members: [...s.members.values()] })),
    ),
    listeners: stated('listeners', draft.listeners),
    nftTables: stated('nftTables', draft.nftTables),
    connections: stated('connections', draft.connections),
    ipsecPolicies: stated('ipsecPolicies', draft.ipsecPolicies),
    ipsecStates: stated('ipsecStates', draft.ipsecStates),
  };
}
