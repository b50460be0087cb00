/**
 * Frames that come in by a port of a bridge, as br_netfilter shows them to iptables.
 *
 * Source: net/bridge/br_netfilter_hooks.c br_nf_pre_routing(), br_nf_pre_routing_finish(), br_nf_forward_ip(),
 * br_nf_post_routing(), ip_sabotage_in(); net/bridge/br_netfilter_ipv6.c.
 */

import type { Interface } from '../model/machine.ts';
import type { Ruleset } from '../model/ruleset.ts';
import { type Address, prefix, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import type { Destination } from './destination.ts';
import type { MachineFacts } from './facts.ts';
import { localityOf } from './locality.ts';
import type { Walk } from './walk.ts';
import { answerOf, decide } from './working-state.ts';

/** Masters that are no bridges, by the names that they usually have. */
const noBridge = /^(?:bond|team|vrf)/;
const bond = /^(?:bond|team)/;

/** The bond or team that the interface is a member of: what its members receive comes in by it. */
export function bondOf(facts: MachineFacts, name: string | undefined): string | undefined {
  const member = name === undefined ? undefined : facts.interfaces.get(name);
  return member?.master !== undefined && bond.test(member.masterKind ?? member.master)
    ? member.master
    : undefined;
}

/** The bridge that the interface is a port of. */
export function bridgeOf(facts: MachineFacts, name: string | undefined): string | undefined {
  const port = name === undefined ? undefined : facts.interfaces.get(name);
  if (port?.master === undefined) return undefined;
  const bridge = port.masterKind === undefined ? !noBridge.test(port.master) : port.masterKind === 'bridge';
  return bridge ? port.master : undefined;
}

/** Ports of the bridge, where interfaces are known. */
function portsOf(facts: MachineFacts, bridge: string): readonly Interface[] {
  return [...facts.interfaces.values()].filter((i) => bridgeOf(facts, i.name) === bridge);
}

/** Rulesets with `-m physdev`: loading such a rule loads br_netfilter. */
const physdevUse = new WeakMap<Ruleset, boolean>();

function usesPhysdev(ruleset: Ruleset | undefined): boolean {
  if (!ruleset) return false;
  const known = physdevUse.get(ruleset);
  if (known !== undefined) return known;
  const used = ruleset.tables.some((t) =>
    t.chains.some((c) => c.rules.some((r) => r.matches.some((m) => m.extension === 'physdev'))),
  );
  physdevUse.set(ruleset, used);
  return used;
}

/**
 * Whether the bridge shows its packets to iptables: the sysctl, what the asker or the tape says, a physdev rule.
 * `ask`: else the tape is asked. Undefined: not known.
 */
export function bridgeCallsIptables(w: Walk, ask: boolean): boolean | undefined {
  const name = w.family === 'ipv4' ? 'iptables' : 'ip6tables';
  const text = w.shared.facts.sysctl(`net.bridge.bridge-nf-call-${name}`);
  if (text !== undefined) return Number(text) > 0;
  if (w.entry.kind === 'arrives' && w.entry.physIn !== undefined) return true;
  const key = 'bridge-netfilter';
  const known = answerOf(w.shared, key);
  if (known === undefined && usesPhysdev(w.program.ruleset)) return true;
  if (known === undefined && !ask) return undefined;
  const told = known ?? decide(w.shared, key, key, ['off', 'on'], undefined);
  if (told === undefined) return undefined;
  w.emit({ kind: 'assumed', assumption: { key, answer: told }, rule: undefined });
  return told === 'on' || told === 'yes';
}

/** How that is known, in words. */
export function bridgeEvidence(w: Walk): string {
  const name = `net.bridge.bridge-nf-call-${w.family === 'ipv4' ? 'iptables' : 'ip6tables'}`;
  const text = w.shared.facts.sysctl(name);
  if (text !== undefined) return `${name} = ${text}, ${w.machine.sysctls.source}`;
  if (w.entry.kind === 'arrives' && w.entry.physIn !== undefined) return 'br_netfilter, as asked';
  return usesPhysdev(w.program.ruleset) ? 'br_netfilter, which physdev rules load' : 'br_netfilter, assumed';
}

/** Whom a frame is for: this machine, another host behind the bridge, or all of them. */
export function frameIsFor(w: Walk, bridge: string): 'here' | 'there' | 'all' {
  const { facts } = w.shared;
  const p = w.packet;
  const { hints } = w.entry;
  if (p.packetType === 'otherhost') return 'there';
  if (p.packetType !== 'unicast') return 'all';
  if (hints?.physOut !== undefined) return 'there';
  if (hints?.destination === 'local') return 'here';
  const out = hints?.outInterface;
  if (out !== undefined) return out === bridge || bridgeOf(facts, out) === bridge ? 'there' : 'here';
  const self = facts.interfaces.get(bridge);
  const macs = [self, ...portsOf(facts, bridge)].flatMap((i) => i?.mac ?? []);
  if (p.ethDst !== undefined && self?.mac !== undefined)
    return macs.includes(p.ethDst.toLowerCase()) ? 'here' : 'there';
  // No frame is known: a host of the bridge's own subnet is spoken to directly, everything else by the gateway.
  if (localityOf(w, p.dst) === true) return 'here';
  const own = self?.addresses.filter((a) => a.address.family === w.family) ?? [];
  if (self && own.length === 0) return 'there';
  return own.some((a) =>
    sameAddress(prefix(a.address, a.prefixLength).address, prefix(p.dst, a.prefixLength).address),
  )
    ? 'there'
    : 'here';
}

/**
 * The port by which the bridge sends the packet on; undefined with a question: the tape must say; else none. `to`: whom
 * NAT made it for; such a host may also be behind the port that the frame came by, and no bridge sends a frame back.
 */
export function portTowards(w: Walk, bridge: string, to?: Address): string | undefined {
  const port = portOf(w, bridge, to);
  return port === w.physIn ? undefined : port;
}

function portOf(w: Walk, bridge: string, to: Address | undefined): string | undefined {
  const { facts } = w.shared;
  const { hints } = w.entry;
  if (hints?.physOut !== undefined) return hints.physOut;
  if (hints?.outInterface !== undefined && bridgeOf(facts, hints.outInterface) === bridge)
    return hints.outInterface;
  const names = portsOf(facts, bridge).map((i) => i.name);
  const others = names.filter((name) => name !== w.physIn);
  if (!facts.interfacesKnown || names.length === 0) return w.physIn === 'eth1' ? 'eth0' : 'eth1';
  const host = to ?? w.packet.dst;
  const behind = w.machine.behind?.find((f) => sameAddress(f.value.address, host))?.value.interfaceName;
  // What was sent to a host's own MAC address does not come by the port that the host is behind.
  if (behind !== undefined && names.includes(behind) && (to !== undefined || behind !== w.physIn))
    return behind;
  const key = `port:${addressText(host)}`;
  // Of two ports the other one is taken, where nobody says that the host is behind the same.
  if (others.length <= 1 && (to === undefined || answerOf(w.shared, key) === undefined)) {
    if (to !== undefined && others[0] !== undefined)
      w.note(`${addressText(host)} is taken to be behind ${others[0]} (else: --assume ${key}=${w.physIn})`);
    return others[0];
  }
  const answers = to === undefined || w.physIn === undefined ? others : [...others, w.physIn];
  const told = decide(w.shared, key, key, answers, undefined);
  if (told !== undefined) w.emit({ kind: 'assumed', assumption: { key, answer: told }, rule: undefined });
  return told;
}

/** The route that br_netfilter lends a bridged packet (bridge_parent_rtable()): the bridge as its device, no more. */
export function bridgeDestination(facts: MachineFacts, bridge: string): Destination {
  return {
    kind: 'forward',
    type: undefined,
    outInterface: bridge,
    gateway: undefined,
    preferredSource: undefined,
    mtuBytes: facts.interfaces.get(bridge)?.mtuBytes ?? 1500,
    toMany: undefined,
    copyBack: false,
    route: undefined,
    nextHop: undefined,
  };
}
