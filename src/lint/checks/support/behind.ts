/** Which interface leads to a network: what routes, addresses and other rules say of it. */

import type { Rule } from '../../../model/ruleset.ts';
import {
  addressBits,
  type Network,
  networkContains,
  prefix,
  prefixLength,
  sameAddress,
} from '../../../net/address.ts';
import { networkTextShort } from '../../../net/address-text.ts';
import type { CheckContext, RulesetView } from '../../check.ts';
import type { Inference } from '../../finding.ts';

/** An interface behind which a network is. */
export interface LeadsTo {
  readonly name: string;
  /** Empty where routes or addresses say it. */
  readonly inferences: readonly Inference[];
}

/** Devices of tunnels: packets come out of them decapsulated. */
const tunnelNames = /^(tun|tap|wg|ppp|vti|gre|ipsec|xfrm|tailscale|zt|nordlynx|utun)/;

/** Whether the interface is the inner end of a tunnel, by what kind of link it is or else by its name. */
export function isTunnel({ machine }: CheckContext, name: string): boolean {
  const known = machine.interfaces.value?.find((i) => i.name === name);
  return tunnelNames.test(name) && known?.linkType !== 'ether';
}

const lengthOf = (net: Network): number => prefixLength(net.mask) ?? 0;

/** Whether all of the second network is in the first. */
function holds(first: Network, second: Network): boolean {
  return lengthOf(first) <= lengthOf(second) && networkContains(first, second.address);
}

/** The interfaces that routes and addresses lead to the network by; default routes are no answer. */
function byRoutes({ machine }: CheckContext, net: Network): readonly string[] | undefined {
  const { family } = net.address;
  const connected = (machine.interfaces.value ?? []).flatMap((i) =>
    i.addresses
      .filter((a) => a.address.family === family && a.prefixLength > 0)
      .map((a) => ({ to: prefix(a.peer ?? a.address, a.prefixLength), devices: [i.name] })),
  );
  const routed = (machine.routes.value ?? [])
    .filter((r) => r.type === 'unicast' && r.destination.address.family === family)
    .map((r) => ({ to: r.destination, devices: r.nextHops.flatMap((h) => h.device ?? []) }));
  const all = [...connected, ...routed].filter((r) => lengthOf(r.to) > 0);
  const around = all.filter((r) => holds(r.to, net));
  // A network of which parts are behind several interfaces is behind none alone.
  if (all.some((r) => holds(net, r.to) && !holds(r.to, net))) return undefined;
  const longest = Math.max(...around.map((r) => lengthOf(r.to)));
  const names = around.filter((r) => lengthOf(r.to) === longest).flatMap((r) => r.devices);
  return names.length === 0 ? undefined : [...new Set(names)];
}

/** Rules that place the network behind an interface: `-i tun0 -s NET`, `-o tun0 -d NET`. */
function byRules(view: RulesetView, net: Network, except: Rule): LeadsTo | undefined {
  for (const rule of view.rules()) {
    if (rule === except) continue;
    const { inInterface, outInterface, src, dst } = rule.base;
    for (const [device, at] of [
      [inInterface, src],
      [outInterface, dst],
    ] as const) {
      if (!device || device.negated || !device.value.exact || !at || at.negated) continue;
      const same = sameAddress(at.value.address, net.address) && sameAddress(at.value.mask, net.mask);
      if (!same || lengthOf(net) === 0 || lengthOf(net) === addressBits(view.family)) continue;
      const { name } = device.value;
      return {
        name,
        inferences: [
          {
            text: `${networkTextShort(net)} is behind ${name} (rule ${rule.table}/${rule.chain}#${rule.index + 1})`,
            settledBy: 'ip -j route show table all',
          },
        ],
      };
    }
  }
  return undefined;
}

/** Where the network is, if it is known, or another rule shows it, and it is not behind `named`. */
export function leadsElsewhere(
  context: CheckContext,
  view: RulesetView,
  net: Network,
  named: string,
  rule: Rule,
): LeadsTo | undefined {
  if (lengthOf(net) === 0) return undefined;
  const routes = byRoutes(context, net);
  if (routes !== undefined) {
    const [name] = routes;
    return name === undefined || routes.includes(named) || isPortOf(context, named, routes)
      ? undefined
      : { name, inferences: [] };
  }
  if (context.machine.routes.value !== undefined) return undefined;
  const shown = byRules(view, net, rule);
  return shown?.name === named ? undefined : shown;
}

/** Whether the interface is a port of one of these: a bridge answers for its ports. */
function isPortOf({ machine }: CheckContext, name: string, of: readonly string[]): boolean {
  const master = machine.interfaces.value?.find((i) => i.name === name)?.master;
  return master !== undefined && of.includes(master);
}

/** The networks that a rule names together with an interface: its source with -i, its destination with -o. */
export function placedNetworks(
  rule: Rule,
): readonly { readonly net: Network; readonly name: string; readonly option: '-i' | '-o' }[] {
  const { inInterface, outInterface, src, dst } = rule.base;
  const found: { net: Network; name: string; option: '-i' | '-o' }[] = [];
  if (inInterface && !inInterface.negated && inInterface.value.exact && src && !src.negated)
    found.push({ net: src.value, name: inInterface.value.name, option: '-i' });
  if (outInterface && !outInterface.negated && outInterface.value.exact && dst && !dst.negated)
    found.push({ net: dst.value, name: outInterface.value.name, option: '-o' });
  return found;
}
