/** What a ruleset gives away about the machine that it was made for. */

import type { HostBehind, Interface } from '../model/machine.ts';
import type { Rule, Ruleset } from '../model/ruleset.ts';
import {
  type Address,
  type AddressRange,
  addressFromBigInt,
  addressToBigInt,
  type Family,
  prefixLength,
} from '../net/address.ts';
import { addressText, networkTextShort } from '../net/address-text.ts';
import { addressKind } from '../net/documentation.ts';
import { type InterfacePattern, interfaceMatches, interfacePatternText } from '../net/interface-pattern.ts';

/** A value with its evidence in words. */
export interface Evidence<T> {
  readonly value: T;
  readonly source: string;
}

/** What {@link inferFromRules} makes of the rules. */
export interface Inferences {
  /** Interfaces that lead outside, best evidence first; none where the rules say nothing. */
  readonly outside: readonly Evidence<string>[];
  readonly localAddresses: readonly Evidence<Address>[];
  /** By family: why this machine must be forwarding. */
  readonly router: Readonly<Record<Family, Evidence<true> | undefined>>;
  /** Hosts that a rule lets out by one interface and no rule by another: they are behind it. */
  readonly behind: readonly Evidence<HostBehind>[];
  readonly containerHost: Evidence<true> | undefined;
  /** Names of all interfaces that rules name without a wildcard. */
  readonly interfaceNames: readonly string[];
}

/** Chains of programs that run containers. */
const containerChain = /^(?:DOCKER|KUBE-|CNI-|CNI_|cali-|NETAVARK|CILIUM_|FLANNEL-|WEAVE-|ANTREA-)/;

/** Interfaces that by their name lead to a provider. */
const outsideName = /^(?:ppp|wan|wwan)/;

/** Interfaces that by their name lead to containers, or through a tunnel between nodes. */
const containerName =
  /^(?:docker\d|br-|virbr|veth|vnet|cni|cali|lxcbr|lxdbr|podman|flannel|tunl|vxlan|antrea|weave)/;

/** Ends of tunnels: others more likely lead to the provider. */
const tunnelName = /^(?:tun|tap|wg|zt|tailscale|ipsec|vti|gre)/;

/** The range in the data of DNAT, SNAT and their like; all of them keep it in `range`. */
function natAddresses(data: unknown): AddressRange | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { range } = data as { readonly range?: { readonly addresses?: AddressRange } };
  return range?.addresses;
}

/** `nat/POSTROUTING#1`, with the program's name where it is ip6tables. */
function ruleName(ruleset: Ruleset, rule: Rule): string {
  const place = `${rule.table}/${rule.chain}#${rule.index + 1}`;
  return ruleset.family === 'ipv6' ? `ip6tables rule ${place}` : `rule ${place}`;
}

function because(ruleset: Ruleset, rule: Rule, words: readonly string[]): string {
  return `${ruleName(ruleset, rule)} (${words.join(' ')})`;
}

/** The name that stands for a pattern: itself, a known interface that fits it, or the first of its kind. */
function nameOf(pattern: InterfacePattern, known: readonly string[]): string | undefined {
  if (pattern.exact) return pattern.name;
  if (pattern.name === '') return undefined;
  return known.find((name) => interfaceMatches(pattern, name)) ?? `${pattern.name}0`;
}

/** The one address that a `-d` names, if it is one that a machine can have. */
function hostAddress(rule: Rule): Address | undefined {
  const dst = rule.base.dst;
  if (!dst || dst.negated) return undefined;
  const { address, mask } = dst.value;
  if (prefixLength(mask) !== (address.family === 'ipv4' ? 32 : 128)) return undefined;
  const kind = addressKind(address);
  if (kind === 'multicast' || kind === 'broadcast' || kind === 'unspecified') return undefined;
  // 192.168.1.255 is more likely a broadcast than a host.
  if (address.family === 'ipv4' && (address.w3 & 255) === 255) return undefined;
  return address;
}

/** A pool of SNAT is taken apart up to this size. */
const poolMax = 16;

function poolAddresses(range: AddressRange): readonly Address[] {
  const low = addressToBigInt(range.low);
  const count = addressToBigInt(range.high) - low + 1n;
  if (count < 1n || count > BigInt(poolMax)) return [];
  return Array.from({ length: Number(count) }, (_, i) =>
    addressFromBigInt(range.low.family, low + BigInt(i)),
  );
}

/** Collects first mentions only. */
function collector<T>(keyOf: (value: T) => string): {
  add(value: T, source: string): void;
  readonly list: Evidence<T>[];
} {
  const seen = new Set<string>();
  const list: Evidence<T>[] = [];
  return {
    list,
    add(value, source) {
      const key = keyOf(value);
      if (seen.has(key)) return;
      seen.add(key);
      list.push({ value, source });
    },
  };
}

/**
 * Reads the evidence of the rules. `interfaces` are those that are known otherwise; their names resolve wildcards.
 * Linear in the number of rules.
 */
export function inferFromRules(
  rulesets: readonly Ruleset[],
  interfaces: readonly Interface[] | undefined,
): Inferences {
  const masqueraded = collector<string>(String);
  const published = collector<string>(String);
  const named = collector<string>(String);
  const local = collector<Address>((a) => `${a.family} ${addressText(a)}`);
  const behind = new Map<string, Evidence<HostBehind> | 'several'>();
  const names = new Set<string>();
  const router: { ipv4: Evidence<true> | undefined; ipv6: Evidence<true> | undefined } = {
    ipv4: undefined,
    ipv6: undefined,
  };
  let containerHost: Evidence<true> | undefined;
  const known = interfaces?.map((i) => i.name) ?? [];

  for (const ruleset of rulesets) {
    for (const table of ruleset.tables) {
      for (const chain of table.chains) {
        if (containerChain.test(chain.name) && !containerHost)
          containerHost = { value: true, source: `chain ${table.name}/${chain.name}` };
        // The addresses that Kubernetes rewrites are those of services: no interface has them.
        const services = chain.name.startsWith('KUBE-');
        for (const rule of chain.rules) {
          const { inInterface, outInterface } = rule.base;
          for (const pattern of [inInterface?.value, outInterface?.value]) {
            if (!pattern || pattern.name === '' || pattern.name === 'lo') continue;
            if (pattern.exact) names.add(pattern.name);
            const name = outsideName.test(pattern.name) ? nameOf(pattern, known) : undefined;
            if (name !== undefined) named.add(name, `the name ${interfacePatternText(pattern)}`);
          }
          const target = rule.target.kind === 'extension' ? rule.target.extension : '';
          const data = rule.target.kind === 'extension' ? rule.target.data : undefined;
          const out = outInterface && !outInterface.negated ? outInterface.value : undefined;
          const into = inInterface && !inInterface.negated ? inInterface.value : undefined;
          const routes = target === 'MASQUERADE' || target === 'SNAT' || target === 'DNAT';
          if (table.name === 'nat' && routes && chain.hook !== 'OUTPUT' && !services)
            router[ruleset.family] ??= { value: true, source: because(ruleset, rule, ['-j', target]) };
          if (
            (table.name === 'filter' || table.name === 'mangle') &&
            into &&
            out &&
            into.name !== 'lo' &&
            out.name !== 'lo'
          )
            router[ruleset.family] ??= {
              value: true,
              source: because(ruleset, rule, [
                '-i',
                interfacePatternText(into),
                '-o',
                interfacePatternText(out),
              ]),
            };
          if (table.name === 'nat') {
            const outName = out && out.name !== 'lo' ? nameOf(out, known) : undefined;
            const inName = into && into.name !== 'lo' ? nameOf(into, known) : undefined;
            // With a destination it is the return path of a published service (hairpin), not the way out.
            const sourceNat = target === 'MASQUERADE' || target === 'SNAT';
            const toContainers =
              outName !== undefined && (containerName.test(outName) || containerChain.test(chain.name));
            if (sourceNat && out && outName && !rule.base.dst && !toContainers)
              masqueraded.add(
                outName,
                because(ruleset, rule, ['-o', interfacePatternText(out), '-j', target]),
              );
            // REDIRECT is as often for clients inside: a transparent proxy.
            if (target === 'DNAT' && into && inName)
              published.add(inName, because(ruleset, rule, ['-i', interfacePatternText(into), '-j', target]));
            const range = target === 'SNAT' ? natAddresses(data) : undefined;
            if (range)
              for (const a of poolAddresses(range))
                local.add(a, because(ruleset, rule, ['--to-source', addressText(a)]));
            const dst = hostAddress(rule);
            if ((target === 'DNAT' || target === 'REDIRECT') && dst && chain.hook !== 'OUTPUT' && !services)
              local.add(dst, because(ruleset, rule, ['-d', addressText(dst), '-j', target]));
          }
          const isAccept = rule.target.kind === 'verdict' && rule.target.verdict === 'ACCEPT';
          const host = table.name === 'filter' && isAccept && out?.exact ? hostAddress(rule) : undefined;
          if (host && out && out.name !== 'lo') {
            const text = addressText(host);
            const other = behind.get(text);
            const source = because(ruleset, rule, ['-d', text, '-o', out.name, '-j', 'ACCEPT']);
            if (other === undefined)
              behind.set(text, { value: { address: host, interfaceName: out.name }, source });
            else if (other !== 'several' && other.value.interfaceName !== out.name)
              behind.set(text, 'several');
          }
          if (table.name === 'filter' && chain.hook === 'INPUT' && isAccept) {
            const dst = hostAddress(rule);
            if (dst && rule.base.dst)
              local.add(
                dst,
                because(ruleset, rule, ['-d', networkTextShort(rule.base.dst.value), '-j', 'ACCEPT']),
              );
          }
        }
      }
    }
  }
  for (const name of known) if (outsideName.test(name)) named.add(name, `the name ${name}`);
  // Better evidence excludes the weaker kinds.
  const best = [masqueraded.list, published.list, named.list].find((l) => l.length > 0) ?? [];
  const isTunnel = ({ value }: Evidence<string>): boolean => tunnelName.test(value);
  const outside = [...best.filter((e) => !isTunnel(e)), ...best.filter(isTunnel)];
  return {
    outside,
    localAddresses: local.list,
    router,
    behind: [...behind.values()].flatMap((e) => (e === 'several' ? [] : [e])),
    containerHost,
    interfaceNames: [...names],
  };
}
