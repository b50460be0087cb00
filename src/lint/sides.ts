/** Which interfaces lead where, and which addresses are ours: the best that is known, with what it rests on. */

import type { Machine } from '../model/machine.ts';
import {
  type Address,
  addressBits,
  type Family,
  type Network,
  networkContains,
  prefix,
  prefixLength,
  sameAddress,
} from '../net/address.ts';
import { addressText, parseAddress } from '../net/address-text.ts';
import { addressKind, witnessAddresses } from '../net/documentation.ts';
import type { ChosenAddress, RulesetView, SidedInterface } from './check.ts';
import type { Inference } from './finding.ts';

const sidesSettledBy = 'ip -j route show table all';

/** Names of interfaces in the rules (patterns left out) and of the machine, each once. */
export function interfaceNames(machine: Machine, views: readonly RulesetView[]): readonly string[] {
  const names = new Set<string>((machine.interfaces.value ?? []).map((i) => i.name));
  for (const view of views)
    for (const rule of view.rules())
      for (const i of [rule.base.inInterface, rule.base.outInterface])
        if (i?.value.exact && i.value.name !== '') names.add(i.value.name);
  return [...names].sort();
}

/** Bridges and ends of cables that programs make for containers and virtual machines. */
const containerBridge =
  /^(docker(_gwbridge|\d+)|br-[0-9a-f]{12}|virbr\d+|veth\w+|vnet\d+|cni\d+|cali\w+|lxcbr\d+|lxdbr\d+|podman\d+|flannel\.\d+)$/;

/** Whether an interface leads to containers or guests of this machine, by its name. */
export function isForContainers(name: string): boolean {
  return containerBridge.test(name);
}

/** See `CheckContext.interfaces`. */
export function sidedInterfaces(machine: Machine, names: readonly string[]): readonly SidedInterface[] {
  const outside = new Map(machine.outside.map((fact) => [fact.value, fact]));
  const all = new Set([...names, ...outside.keys(), ...(machine.inside ?? []).map((f) => f.value), 'lo']);
  // Rules that name the outside alone mean somebody inside, by whatever interface: one stands in for it.
  const insideNamed = [...all].some((name) => name !== 'lo' && !outside.has(name));
  if (!insideNamed && machine.interfaces.value === undefined) {
    const standIn = ['eth1', 'eth2', 'lan0'].find((name) => !all.has(name));
    if (standIn !== undefined) all.add(standIn);
  }
  const onlyWay = onlyInterface(machine);
  return [...all].sort().map((name): SidedInterface => {
    if (name === 'lo') return { name, side: 'loopback', provenance: 'given', inferences: [] };
    const fact = outside.get(name);
    if (fact) {
      const given = fact.provenance === 'given' || name === onlyWay;
      return {
        name,
        side: 'outside',
        provenance: given ? 'given' : 'inferred',
        inferences: given ? [] : [outsideInference(machine, name, fact.source)],
      };
    }
    if (machine.inside?.some((f) => f.value === name))
      return { name, side: 'inside', provenance: 'given', inferences: [] };
    if (containerBridge.test(name)) {
      return {
        name,
        side: 'inside',
        provenance: 'inferred',
        inferences: [
          { text: `${name} leads to containers or guests (by its name)`, settledBy: 'ip -j addr' },
        ],
      };
    }
    if (outside.size === 0) return { name, side: 'unknown', provenance: 'unknown', inferences: [] };
    const guessed = [...outside.values()].filter((f) => f.provenance !== 'given');
    return {
      name,
      side: 'inside',
      provenance: guessed.length === 0 ? 'given' : 'inferred',
      inferences: guessed.map((f) => outsideInference(machine, f.value, f.source)),
    };
  });
}

/** The one interface by which anybody but this machine, its containers and guests can come, where all interfaces are given. */
function onlyInterface({ interfaces }: Machine): string | undefined {
  const ways = (interfaces.value ?? []).filter(
    ({ name, linkType }) => name !== 'lo' && linkType !== 'loopback' && !containerBridge.test(name),
  );
  return ways.length === 1 ? ways[0]?.name : undefined;
}

/** Routes that are given have had their say already: only the administrator knows better. */
function outsideInference(machine: Machine, name: string, source: string): Inference {
  const text = `${name} leads outside (${source})`;
  return machine.routes.provenance === 'given' ? { text } : { text, settledBy: sidesSettledBy };
}

/** Addresses that stand for one of ours, where none is known. */
const standIns: Readonly<Record<Family, string>> = { ipv4: '203.0.113.1', ipv6: '2001:db8:113::1' };

function mustRead(family: Family, text: string): Address {
  const address = parseAddress(family, text);
  if (!address) throw new TypeError(`not an address: ${text}`);
  return address;
}

/** The address that stands for one of ours, where none is known. */
export const standInAddress = (family: Family): Address => mustRead(family, standIns[family]);

/** See `CheckContext.localAddress`. */
export function chooseLocal(machine: Machine, family: Family, inInterface?: string): ChosenAddress {
  const known = machine.interfaces.value ?? [];
  const there = known.filter((i) => i.name === inInterface);
  for (const i of [...there, ...known]) {
    const found = i.addresses.find((a) => a.address.family === family && a.scope === 'global');
    if (found && i.linkType !== 'loopback')
      return { address: found.address, provenance: 'given', assume: [], inferences: [] };
  }
  const usable = machine.localAddresses.filter(
    (f) => f.value.family === family && addressKind(f.value) !== 'loopback',
  );
  const best = usable.find((f) => f.provenance === 'given') ?? usable[0];
  if (best) {
    const given = best.provenance === 'given';
    return {
      address: best.value,
      provenance: given ? 'given' : 'inferred',
      assume: [],
      inferences: given
        ? []
        : [
            {
              text: `${addressText(best.value)} is this machine's (${best.source})`,
              settledBy: 'ip -j addr',
            },
          ],
    };
  }
  const text = standIns[family];
  return {
    address: mustRead(family, text),
    provenance: 'assumed',
    assume: [`local=${text}`],
    inferences: [],
  };
}

/** Addresses that stand for a host inside, where nothing is known of the networks there. */
const insideStandIns: Readonly<Record<Family, string>> = { ipv4: '192.168.1.7', ipv6: 'fd00::7' };

/** A host of a network that rules place behind an interface: `-i eth1 -s NET`, `-o eth1 -d NET`. */
function behindByRules(
  machine: Machine,
  family: Family,
  behind: string,
  views: readonly RulesetView[],
): Address | undefined {
  for (const view of views) {
    if (view.family !== family) continue;
    for (const { base } of view.rules()) {
      const sides = [
        [base.inInterface, base.src],
        [base.outInterface, base.dst],
      ] as const;
      for (const [device, net] of sides) {
        if (!device || device.negated || !device.value.exact || device.value.name !== behind) continue;
        if (!net || net.negated) continue;
        const address = ordinaryHost(net.value);
        const own = machine.localAddresses.some((f) => sameAddress(f.value, address));
        if (!own && !isUnusable(address)) return address;
      }
    }
  }
  return undefined;
}

/** Networks that rules name as source or destination, everybody left out; each text once. */
function namedNetworks(family: Family, views: readonly RulesetView[]): readonly Network[] {
  return views.filter((view) => view.family === family).flatMap(namedIn);
}

const namedByView = new WeakMap<RulesetView, readonly Network[]>();

function namedIn(view: RulesetView): readonly Network[] {
  const known = namedByView.get(view);
  if (known !== undefined) return known;
  const named = view
    .rules()
    .flatMap(({ base }) => [base.src, base.dst])
    .flatMap((condition) => (condition && prefixLength(condition.value.mask) !== 0 ? [condition.value] : []));
  namedByView.set(view, named);
  return named;
}

/** A host of a network: its seventh, or the network's one address. */
function ordinaryHost(net: Network): Address {
  const length = prefixLength(net.mask);
  const single = length === undefined || length > addressBits(net.address.family) - 4;
  return single ? net.address : { ...net.address, w3: (net.address.w3 | 7) >>> 0 };
}

function isUnusable(address: Address): boolean {
  const kind = addressKind(address);
  return kind === 'multicast' || kind === 'broadcast' || kind === 'unspecified' || kind === 'loopback';
}

/** See `CheckContext.remoteAddress`. */
export function chooseRemote(
  machine: Machine,
  views: readonly RulesetView[],
  family: Family,
  behind?: string,
): ChosenAddress {
  const known = machine.interfaces.value ?? [];
  const own = (a: Address): boolean =>
    known.some((i) => i.addresses.some((x) => sameAddress(x.address, a))) ||
    machine.localAddresses.some((f) => sameAddress(f.value, a));
  const outside = machine.outside.some((f) => f.value === behind);
  const at = known
    .find((i) => i.name === behind)
    ?.addresses.find((a) => a.address.family === family && a.scope === 'global');
  if (behind !== undefined && at && !outside && at.prefixLength <= addressBits(family) - 2) {
    const net = prefix(at.address, at.prefixLength);
    for (const host of [7, 8, 9, 2, 3]) {
      const address = { ...net.address, w3: (net.address.w3 | host) >>> 0 };
      if (networkContains(net, address) && !own(address))
        return { address, provenance: 'given', assume: [], inferences: [] };
    }
  }
  if (behind !== undefined && !outside && !at) {
    const address = behindByRules(machine, family, behind, views) ?? mustRead(family, insideStandIns[family]);
    if (!own(address))
      return {
        address,
        provenance: 'assumed',
        assume: [`remote=${addressText(address)}`],
        inferences: [],
      };
  }
  const neighbours = known.flatMap((i) => i.addresses).filter((a) => a.address.family === family);
  const connected = (a: Address): boolean =>
    neighbours.some((n) => networkContains(prefix(n.address, n.prefixLength), a));
  const candidates = witnessAddresses(family);
  // Nobody whom the rules name: what holds for a stranger holds for most.
  const named = namedNetworks(family, views);
  const stranger = (a: Address): boolean => !named.some((net) => networkContains(net, a));
  const address =
    candidates.find((a) => !own(a) && !connected(a) && stranger(a)) ??
    candidates.find((a) => !own(a) && !connected(a)) ??
    candidates.find((a) => !own(a)) ??
    candidates[0];
  if (!address) throw new TypeError('the list of witness addresses is empty');
  const settled = machine.interfaces.value !== undefined || machine.routes.value !== undefined;
  return settled
    ? { address, provenance: 'given', assume: [], inferences: [] }
    : { address, provenance: 'assumed', assume: [`remote=${addressText(address)}`], inferences: [] };
}
