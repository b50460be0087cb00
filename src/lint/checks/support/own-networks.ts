/** Where sources belong: the networks behind this machine, by its addresses and routes, or by what rules say of them. */

import { connectedRanges } from '../../../analysis/interface-ranges.ts';
import type { Description } from '../../../analysis/vocabulary.ts';
import { prepareFacts, reversePathFilter } from '../../../engine/facts.ts';
import type { ReadMachine } from '../../../link/read-machine.ts';
import { addressBits, type Family, type Network, prefixLength } from '../../../net/address.ts';
import { networkTextShort } from '../../../net/address-text.ts';
import type { CheckContext, RulesetView } from '../../check.ts';
import type { Inference } from '../../finding.ts';
import { placedNetworks } from './behind.ts';

/** A network of ours. */
export interface OwnNetwork {
  readonly network: Network;
  /** The interface that leads to it; undefined: one of those that lead inside. */
  readonly behind: string | undefined;
  /** Empty where addresses or routes say it. */
  readonly inferences: readonly Inference[];
}

/** Networks that addresses and routes place behind interfaces that do not lead outside. */
function knownNetworks(read: ReadMachine, family: Family): readonly OwnNetwork[] {
  const { machine } = read;
  const outside = new Set(machine.outside.map((f) => f.value));
  const routed = (machine.routes.value ?? []).flatMap((route) => {
    const { destination, type, nextHops } = route;
    if (type !== 'unicast' || destination.address.family !== family) return [];
    if ((prefixLength(destination.mask) ?? 0) === 0) return [];
    return nextHops.flatMap(({ device }) =>
      device === undefined || outside.has(device) || device === 'lo'
        ? []
        : [{ network: destination, behind: device }],
    );
  });
  const connected = connectedRanges(read, family).map((r) => ({ network: r.network, behind: r.interface }));
  return [...connected, ...routed].map((known) => ({ ...known, inferences: [] }));
}

/** Whether a condition names a network, neither everybody nor one host. */
function isNetwork({ address, mask }: Network): boolean {
  const length = prefixLength(mask);
  return length !== undefined && length > 0 && length < addressBits(address.family);
}

/** What a check mentions that asks for packets from or to {@link ownNetworks}. */
export function ownNetworksMention(
  family: Family,
  read: ReadMachine,
  sides: readonly ('src' | 'dst')[],
): Description {
  const named = read.rulesets
    .filter(({ linked }) => linked.ruleset.family === family)
    .flatMap(({ linked }) => linked.ruleset.tables.flatMap((t) => t.chains.flatMap((c) => c.rules)))
    .flatMap((rule) => {
      const translated = rule.table === 'nat' && rule.base.src ? [rule.base.src.value] : [];
      return [...placedNetworks(rule).map(({ net }) => net), ...translated];
    })
    .filter(isNetwork);
  const networks = [...knownNetworks(read, family).map(({ network }) => network), ...named];
  return (space) =>
    networks
      .flatMap((network) => sides.map((side) => space.network(side, network)))
      .reduce((set, one) => space.or(set, one), space.none);
}

/** Our networks, as far as they are known; where nothing gives addresses, those that rules place inside. */
export function ownNetworks(context: CheckContext, view: RulesetView): readonly OwnNetwork[] {
  const { machine } = context;
  if (machine.interfaces.value !== undefined) return knownNetworks(context.read, view.family);
  const sides = new Map(context.interfaces(view.family).map((i) => [i.name, i.side]));
  const found = new Map<string, OwnNetwork>();
  const add = (network: Network, behind: string | undefined, where: string): void => {
    const text = networkTextShort(network);
    const key = `${text} ${behind ?? ''}`;
    if (!isNetwork(network) || found.has(key)) return;
    const place = behind === undefined ? 'inside' : `behind ${behind}`;
    found.set(key, {
      network,
      behind,
      inferences: [{ text: `${text} is ${place} (${where})`, settledBy: 'ip -j addr' }],
    });
  };
  for (const rule of view.rules()) {
    const where = `rule ${rule.table}/${rule.chain}#${rule.index + 1}`;
    const { outcome } = view.effect(rule);
    if (rule.table === 'filter' && outcome === 'accept')
      for (const { net, name } of placedNetworks(rule)) {
        const side = sides.get(name);
        if (side === 'inside' || side === 'unknown') add(net, name, where);
      }
    const { src, outInterface } = rule.base;
    const hides = rule.target.kind === 'extension' && /^(MASQUERADE|SNAT)$/.test(rule.target.extension);
    if (rule.table !== 'nat' || !hides || !src || src.negated) continue;
    if (outInterface && !outInterface.negated && sides.get(outInterface.value.name) === 'outside')
      add(src.value, undefined, where);
  }
  return [...found.values()];
}

/**
 * What the kernel itself does about false sources on an interface: `strict` refuses what it would not answer by the same
 * interface; else it lets them pass, as is given or, with a guess, where nobody said.
 */
export function sourceCheck(
  { machine, read }: CheckContext,
  family: Family,
  name: string,
): 'strict' | readonly Inference[] {
  // IPv6 has no such switch.
  if (family === 'ipv6') return [];
  const given = Object.keys(read.facts.sysctls?.value ?? {});
  if (!given.some((key) => key.startsWith('net.ipv4.conf.') && key.endsWith('.rp_filter')))
    return [{ text: `the kernel does not check sources on ${name} (rp_filter)`, settledBy: 'sysctl -a' }];
  return reversePathFilter(prepareFacts(machine), name) === 1 ? 'strict' : [];
}
