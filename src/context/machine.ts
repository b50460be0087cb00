/** Puts together what is known of the machine: given, inferred, the kernel's default, or unknown. */

import type {
  Fact,
  HostBehind,
  Interface,
  IpSet,
  Machine,
  PolicyRule,
  Route,
  RouteCoverage,
} from '../model/machine.ts';
import { routeTable } from '../model/machine.ts';
import { type Backend, tableNames } from '../model/netfilter.ts';
import type { Ruleset } from '../model/ruleset.ts';
import { type Address, type Family, sameAddress } from '../net/address.ts';
import { addressText, parseIpv4, parseIpv6 } from '../net/address-text.ts';
import type { Assumption } from './assume.ts';
import { type DeclaredContext, declaredForwarding, withDeclared } from './declared.ts';
import { localRoutes } from './derive-routes.ts';
import type { ContextFacts, NftTable, ReadRoute } from './facts.ts';
import { type Inferences, inferFromRules } from './infer.ts';
import { defaultSysctls, sysctlInterface } from './sysctls.ts';

/** What {@link buildMachine} puts together. */
export interface MachineInput {
  readonly facts: ContextFacts;
  readonly rulesets: readonly Ruleset[];
  readonly assume?: readonly Assumption[];
  /** `--backend`; else the ruleset's header decides. */
  readonly backend?: Backend;
  readonly declared?: DeclaredContext | undefined;
}

const families: readonly Family[] = ['ipv4', 'ipv6'];

function given<T>(value: T, source: string): Fact<T> {
  return { value, provenance: 'given', source };
}

function unknown<T>(source: string): Fact<T | undefined> {
  return { value: undefined, provenance: 'unknown', source };
}

// ---------------------------------------------------------------------------------------------- routes

/** Whether carrier loss takes the route out: only where a sysctl says so. */
function isDown(route: ReadRoute, sysctls: Readonly<Record<string, string>>): boolean {
  if (route.down || !route.linkDown) return route.down;
  const conf = `net.${route.family}.conf`;
  return ['all', ...route.nextHops.flatMap((h) => (h.device ? [sysctlInterface(h.device)] : []))].some(
    (name) => sysctls[`${conf}.${name}.ignore_routes_with_linkdown`] === '1',
  );
}

interface Routing {
  readonly routes: Fact<readonly Route[] | undefined>;
  readonly coverage: Readonly<Record<Family, RouteCoverage>>;
}

function buildRouting(
  facts: ContextFacts,
  interfaces: readonly Interface[] | undefined,
  sysctls: Readonly<Record<string, string>>,
): Routing {
  const coverage: Record<Family, RouteCoverage> = { ipv4: 'none', ipv6: 'none' };
  const routes: Route[] = [];
  let derived = false;
  for (const family of families) {
    const read = facts.routes?.value.filter((r) => r.family === family) ?? [];
    const hasLocal = read.some((r) => r.table === routeTable.local);
    const hasAddresses = interfaces?.some((i) => i.addresses.some((a) => a.address.family === family));
    coverage[family] = hasLocal
      ? 'all'
      : read.length > 0
        ? hasAddresses
          ? 'all'
          : 'main'
        : hasAddresses
          ? 'connected'
          : 'none';
    if (coverage[family] !== 'all') continue;
    for (const r of read) {
      const { linkDown: _, family: __, ...route } = r;
      routes.push({ ...route, down: isDown(r, sysctls) });
    }
    if (!hasLocal) {
      derived = true;
      for (const one of localRoutes(interfaces ?? [], family)) routes.push(one);
    }
  }
  if (routes.length === 0)
    return {
      routes: unknown(
        facts.routes ? `${facts.routes.source} without addresses` : 'no `ip -j route show table all` given',
      ),
      coverage,
    };
  const from = facts.routes?.source ?? 'ip route';
  const source = derived ? `${from}, local table from ${facts.interfaces?.source ?? 'addresses'}` : from;
  return { routes: given(routes, source), coverage };
}

const defaultRule: PolicyRule = {
  family: 'ipv4',
  priority: 0,
  inverted: false,
  source: undefined,
  destination: undefined,
  inInterface: undefined,
  outInterface: undefined,
  mark: 0,
  markMask: 0,
  tos: 0,
  protocol: undefined,
  sport: undefined,
  dport: undefined,
  uid: undefined,
  action: 'lookup',
  target: routeTable.local,
  suppressPrefixLength: undefined,
};

/** The rules that the kernel makes. Source: net/ipv4/fib_rules.c, net/ipv6/fib6_rules.c. */
function defaultPolicyRules(family: Family): readonly PolicyRule[] {
  return [
    { ...defaultRule, family },
    { ...defaultRule, family, priority: 32766, target: routeTable.main },
    ...(family === 'ipv4' ? [{ ...defaultRule, family, priority: 32767, target: routeTable.default }] : []),
  ];
}

function buildPolicyRules(facts: ContextFacts): Machine['policyRules'] {
  const read = facts.policyRules;
  const missing = families.filter((f) => !facts.policyRuleFamilies.includes(f));
  const defaults = missing.flatMap(defaultPolicyRules);
  if (!read) return { value: defaults, provenance: 'default', source: "the kernel's own rules" };
  const note = missing.includes('ipv6')
    ? "; IPv6: the kernel's own"
    : missing.includes('ipv4')
      ? "; IPv4: the kernel's own"
      : '';
  return given([...read.value, ...defaults], `${read.source}${note}`);
}

// ---------------------------------------------------------------------------------------------- addresses

function includes(list: readonly Fact<Address>[], address: Address): boolean {
  return list.some((f) => sameAddress(f.value, address));
}

function buildLocality(
  input: MachineInput,
  interfaces: readonly Interface[] | undefined,
  inferences: Inferences,
): Pick<Machine, 'localAddresses' | 'remoteAddresses' | 'behind'> {
  const { facts, assume = [] } = input;
  const remote: Fact<Address>[] = [];
  const local: Fact<Address>[] = [];
  for (const a of assume) {
    if (a.kind !== 'local' && a.kind !== 'remote') continue;
    (a.kind === 'local' ? local : remote).push(
      given(a.address, `--assume ${a.kind}=${addressText(a.address)}`),
    );
  }
  const seen = new Set(local.map((f) => addressText(f.value)));
  const add = (fact: Fact<Address>): void => {
    const text = addressText(fact.value);
    if (seen.has(text) || includes(remote, fact.value)) return;
    seen.add(text);
    local.push(fact);
  };
  const knownFamilies = new Set<Family>();
  for (const i of interfaces ?? []) {
    for (const a of i.addresses) {
      knownFamilies.add(a.address.family);
      add(given(a.address, `${facts.interfaces?.source ?? 'ip addr'} (${i.name})`));
    }
  }
  // A preferred source must be an own address, or the kernel would have refused the route.
  for (const r of facts.routes?.value ?? [])
    if (r.preferredSource)
      add({
        value: r.preferredSource,
        provenance: 'inferred',
        source: `${facts.routes?.source ?? 'ip route'} (src ${addressText(r.preferredSource)})`,
      });
  // Where the addresses are known, rules that speak of others are not believed.
  for (const e of inferences.localAddresses)
    if (!knownFamilies.has(e.value.family)) add({ ...e, provenance: 'inferred' });
  for (const text of ['127.0.0.1', '::1']) {
    const a = parseIpv4(text) ?? parseIpv6(text);
    if (a) add({ value: a, provenance: 'default', source: 'loopback' });
  }
  const behind = inferences.behind
    .filter(({ value }) => !knownFamilies.has(value.address.family) && !seen.has(addressText(value.address)))
    .map((e): Fact<HostBehind> => ({ ...e, provenance: 'inferred' }));
  for (const { value, source } of behind)
    if (!includes(remote, value.address))
      remote.push({ value: value.address, provenance: 'inferred', source });
  return { localAddresses: local, remoteAddresses: remote, behind };
}

// ---------------------------------------------------------------------------------------------- sets

function buildSets(facts: ContextFacts, assume: readonly Assumption[]): Machine['sets'] {
  const read = facts.sets;
  const pinned = assume.filter((a) => a.kind === 'set');
  if (pinned.length === 0) return read ? given(read.value, read.source) : unknown('no `ipset save` given');
  const sets = new Map(read?.value.map((s) => [s.name, s]));
  for (const a of pinned) {
    const known = sets.get(a.name);
    const withPort = a.elements.some((e) => e.includes(','));
    const v6 = a.elements.some((e) => parseIpv6(e.split(/[,/]/)[0] ?? '') !== undefined);
    const set: IpSet = {
      name: a.name,
      type: known?.type ?? (withPort ? 'hash:net,port' : 'hash:net'),
      family: known?.family ?? (v6 ? 'ipv6' : 'ipv4'),
      options: known?.options ?? {},
      members: a.elements.map((text) => ({
        text,
        timeoutSeconds: undefined,
        nomatch: false,
        skbmark: undefined,
        packets: undefined,
        bytes: undefined,
        comment: undefined,
      })),
    };
    sets.set(a.name, set);
  }
  const source = `--assume ${pinned.map((a) => `set:${a.name}`).join(', ')}`;
  return read
    ? given([...sets.values()], `${read.source}, ${source}`)
    : // Other sets may well exist: nobody listed them.
      { value: [...sets.values()], provenance: 'inferred', source };
}

// ---------------------------------------------------------------------------------------------- all

const forwardingSysctl: Readonly<Record<Family, string>> = {
  ipv4: 'net.ipv4.ip_forward',
  ipv6: 'net.ipv6.conf.all.forwarding',
};

function givenForwarding(
  family: Family,
  sysctls: Readonly<Record<string, string>> | undefined,
): boolean | undefined {
  const names =
    family === 'ipv4' ? [forwardingSysctl.ipv4, 'net.ipv4.conf.all.forwarding'] : [forwardingSysctl.ipv6];
  for (const name of names) {
    const value = sysctls && Object.hasOwn(sysctls, name) ? sysctls[name] : undefined;
    if (value !== undefined) return Number(value) > 0;
  }
  return undefined;
}

/** Interfaces that the default route leaves by, in the order of metric. */
function defaultRouteDevices(facts: ContextFacts): readonly Fact<string>[] {
  const defaults = (facts.routes?.value ?? [])
    .filter(
      (r) =>
        r.table === routeTable.main &&
        r.type === 'unicast' &&
        r.destination.mask.w0 === 0 &&
        r.destination.mask.w3 === 0,
    )
    .sort((a, b) => a.metric - b.metric);
  const out: Fact<string>[] = [];
  for (const r of defaults)
    for (const h of r.nextHops)
      if (h.device !== undefined && !out.some((f) => f.value === h.device))
        out.push({
          value: h.device,
          provenance: 'inferred',
          source: `${facts.routes?.source ?? 'ip route'} (default dev ${h.device})`,
        });
  return out;
}

/** Whether the nft table is what iptables-nft keeps its own table in; a native one of that name cannot be told apart. */
function isOwnTable(table: NftTable, backend: Backend): boolean {
  const names: readonly string[] = tableNames;
  return backend === 'nft' && (table.family === 'ip' || table.family === 'ip6') && names.includes(table.name);
}

/**
 * The machine that the rules run on. Each fact is the best there is: given by an output or an assumption, inferred
 * from the rules, the kernel's default, or unknown; and says which, and from where.
 */
export function buildMachine(input: MachineInput): Machine {
  const { facts, rulesets, assume = [], backend, declared } = input;
  const withAddresses = facts.interfaces?.value.filter((i) => i.addressesKnown);
  const interfaces = withAddresses && withAddresses.length > 0 ? withAddresses : undefined;
  const inferences = inferFromRules(rulesets, facts.interfaces?.value);
  const readSysctls = facts.sysctls?.value;

  const inferred: Record<string, Fact<string>> = {};
  const routerFacts: Fact<boolean | undefined>[] = [];
  for (const family of families) {
    const stated = givenForwarding(family, readSysctls);
    const said = declaredForwarding(declared);
    const evidence = inferences.router[family];
    if (stated !== undefined) routerFacts.push(given(stated, facts.sysctls?.source ?? 'sysctl'));
    else if (declared && said !== undefined) {
      const source = `${declared.source} (roles)`;
      inferred[forwardingSysctl[family]] = { value: said ? '1' : '0', provenance: 'given', source };
      routerFacts.push(given(said, source));
    } else if (evidence) {
      inferred[forwardingSysctl[family]] = { value: '1', provenance: 'inferred', source: evidence.source };
      routerFacts.push({ value: true, provenance: 'inferred', source: evidence.source });
    }
  }
  const inferredValues = Object.fromEntries(Object.entries(inferred).map(([name, f]) => [name, f.value]));
  const sysctls: Machine['sysctls'] = readSysctls
    ? given({ ...inferredValues, ...readSysctls }, facts.sysctls?.source ?? 'sysctl')
    : {
        value: { ...defaultSysctls, ...inferredValues },
        provenance: 'default',
        source: "the kernel's defaults",
      };

  const routing = buildRouting(facts, interfaces, sysctls.value);
  const byRoute = defaultRouteDevices(facts);
  const header = rulesets[0]?.backend;
  const conntrack = assume.find((a) => a.kind === 'conntrack');
  const [host] = facts.hostNames;
  const [release] = facts.kernelReleases;
  const machine: Machine = {
    hostName: host ? given(host.value, host.source) : unknown('no `uname -n` given'),
    kernelRelease: release ? given(release.value, release.source) : unknown('no `uname -r` given'),
    backend: backend
      ? given(backend, '--backend')
      : header
        ? { value: header, provenance: 'inferred', source: "the dump's header" }
        : { value: 'nft', provenance: 'default', source: 'iptables of today' },
    interfaces: interfaces
      ? given(
          interfaces.map(({ addressesKnown: _, ...i }) => i),
          facts.interfaces?.source ?? 'ip addr',
        )
      : unknown('no `ip -j addr` given'),
    routes: routing.routes,
    routeCoverage: routing.coverage,
    policyRules: buildPolicyRules(facts),
    sysctls,
    inferredSysctls: inferred,
    sets: buildSets(facts, assume),
    listeners: facts.listeners
      ? given(facts.listeners.value, facts.listeners.source)
      : unknown('no `ss -tulnp` given'),
    conntrack: conntrack
      ? given(conntrack.value, `--assume conntrack=${conntrack.value}`)
      : { value: 'auto', provenance: 'default', source: 'the rules decide' },
    ...buildLocality(input, interfaces, inferences),
    outside: byRoute.length > 0 ? byRoute : inferences.outside.map((e) => ({ ...e, provenance: 'inferred' })),
    router:
      routerFacts.find((f) => f.value === true) ??
      routerFacts[0] ??
      unknown('neither `sysctl -a` nor a rule tells'),
    containerHost: inferences.containerHost
      ? { ...inferences.containerHost, provenance: 'inferred' }
      : rulesets.length > 0
        ? { value: false, provenance: 'inferred', source: 'no chain of a container manager' }
        : unknown('no ruleset'),
    ...(facts.ipsecPolicies
      ? { ipsecPolicies: given(facts.ipsecPolicies.value, facts.ipsecPolicies.source) }
      : {}),
    ...(facts.ipsecStates ? { ipsecStates: given(facts.ipsecStates.value, facts.ipsecStates.source) } : {}),
    nativeTables: facts.nftTables
      ? given(
          facts.nftTables.value
            .filter((t) => !isOwnTable(t, backend ?? header ?? 'nft'))
            .map((t) => `${t.family} ${t.name}`),
          facts.nftTables.source,
        )
      : unknown('no `nft list tables` given'),
  };
  return withDeclared(machine, declared);
}

/** Everything that was inferred, for `--verbose` and for findings: what, and from where. */
export function listInferences(
  machine: Machine,
): readonly { readonly what: string; readonly source: string }[] {
  const out: { what: string; source: string }[] = [];
  for (const f of machine.outside)
    if (f.provenance === 'inferred') out.push({ what: `${f.value} leads outside`, source: f.source });
  for (const { value, source } of machine.behind ?? [])
    out.push({ what: `${addressText(value.address)} is behind ${value.interfaceName}`, source });
  for (const f of machine.localAddresses)
    if (f.provenance === 'inferred')
      out.push({ what: `${addressText(f.value)} is this machine's`, source: f.source });
  for (const [name, f] of Object.entries(machine.inferredSysctls ?? {}))
    out.push({ what: `${name} = ${f.value}`, source: f.source });
  if (machine.containerHost?.provenance === 'inferred' && machine.containerHost.value === true)
    out.push({ what: 'containers run here', source: machine.containerHost.source });
  return out;
}
