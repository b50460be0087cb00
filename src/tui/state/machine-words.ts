/** Interfaces and addresses that are known of a machine or named by its rules: for presets and completion. */

import { sidedInterfaces } from '../../lint/sides.ts';
import type { Machine } from '../../model/machine.ts';
import type { Rule } from '../../model/ruleset.ts';
import type { Family, Network } from '../../net/address.ts';
import { addressText, networkTextShort } from '../../net/address-text.ts';
import { addressKind } from '../../net/documentation.ts';
import type { ShownRuleset } from './shown-rules.ts';

/** See the head of this file. Each list without repeats, the likelier first. */
export interface MachineWords {
  readonly interfaces: readonly string[];
  /** The interface that leads outside, and one that does not. */
  readonly outside: string | undefined;
  readonly inside: string | undefined;
  /** Addresses of this machine. */
  readonly own: readonly string[];
  /** Addresses and networks that the rules name. */
  readonly named: readonly string[];
  /** An address behind the inside interface. */
  readonly insider: string;
  /** Ports published by DNAT: the options of the rule that does it. */
  readonly published: readonly { readonly options: string; readonly port: string }[];
}

/** Rules that are looked through: enough to learn the names. */
const rulesMax = 20_000;
const namedMax = 400;

function insiderOf(nets: readonly Network[], family: Family): string {
  const net = nets.find(
    (n) => addressKind(n.address) === 'private' || addressKind(n.address) === 'unique-local',
  );
  if (!net) return family === 'ipv4' ? '192.168.1.7' : 'fd00::7';
  const { address, mask } = net;
  // The seventh address behind the network's own, where the prefix leaves room for it.
  const last = mask.w3 === -1 || mask.w3 >>> 0 === 0xffffffff ? address.w3 : (address.w3 | 7) >>> 0;
  return addressText({ ...address, w3: last });
}

/** Looks through the rules of a family, if there are any, and what is known of the machine. */
export function collectWords(
  machine: Machine,
  ruleset: ShownRuleset | undefined,
  family: Family,
): MachineWords {
  const interfaces = new Set<string>((machine.interfaces.value ?? []).map((i) => i.name));
  const named = new Set<string>();
  const nets: Network[] = [];
  const published: { options: string; port: string }[] = [];
  let left = rulesMax;
  for (const table of ruleset?.tables ?? [])
    for (const { rules } of table.chains)
      for (let index = 0; index < rules.length && left > 0; index++, left--) {
        const { base, matches, target } = rules.at(index) as Rule;
        // Names that no interface can have, such as "eth*", are mistakes of the rules.
        for (const i of [base.inInterface, base.outInterface])
          if (i?.value.exact && /^[\w.@-]+$/.test(i.value.name)) interfaces.add(i.value.name);
        for (const a of [base.src, base.dst])
          if (a && named.size < namedMax) {
            named.add(networkTextShort(a.value));
            nets.push(a.value);
          }
        if (target.kind !== 'extension' || target.extension !== 'DNAT') continue;
        const [match] = matches;
        const found = /^-m (tcp|udp) --dport (\d+)$/.exec(match?.text ?? '');
        if (!found || matches.length > 1 || published.some((p) => p.port === found[2])) continue;
        const to = base.dst && !base.dst.negated ? `-d ${networkTextShort(base.dst.value)} ` : '';
        published.push({
          options: `-p ${found[1]} ${to}--dport ${found[2]}`,
          port: `${found[1]}/${found[2]}`,
        });
      }
  interfaces.delete('lo');
  const own = [
    ...(machine.interfaces.value ?? []).flatMap((i) => i.addresses.map((a) => a.address)),
    ...machine.localAddresses.map((f) => f.value),
  ].filter((a) => a.family === family && addressKind(a) !== 'loopback');
  const sides = sidedInterfaces(machine, [...interfaces]).filter(({ name }) => interfaces.has(name));
  const ofSide = (side: 'outside' | 'inside' | 'unknown') => sides.find((i) => i.side === side)?.name;
  const outside = ofSide('outside') ?? ofSide('unknown');
  const inside = ofSide('inside') ?? sides.find((i) => i.side === 'unknown' && i.name !== outside)?.name;
  return {
    interfaces: [...interfaces],
    outside,
    inside,
    own: [...new Set(own.map(addressText))],
    named: [...named],
    insider: insiderOf(nets, family),
    published,
  };
}
