/** Published ports: packets that a rule of nat PREROUTING takes, and what routing makes of them afterwards. */

import { SNAT } from '../../../extensions/targets/SNAT.ts';
import type { Rule } from '../../../model/ruleset.ts';
import type { RouteDecision } from '../../../model/trace.ts';
import { type Address, sameAddress } from '../../../net/address.ts';
import { addressText } from '../../../net/address-text.ts';
import { isPublicAddress } from '../../../net/documentation.ts';
import { interfaceMatches } from '../../../net/interface-pattern.ts';
import type { CheckContext, ChosenAddress, RulesetView, SidedInterface, Walk } from '../../check.ts';
import { interfaceNames } from '../../sides.ts';
import { natEvents } from './conversations.ts';
import { admitsInterface, sourceNatRules } from './rules-at.ts';
import { ofRule, sendByAnyWay, sendOptions } from './sending.ts';
import { strangersInterfaces } from './strangers.ts';

/** Interfaces by which packets for a rule come in: those of strangers that its -i lets in, else any other. */
export function comesInBy(context: CheckContext, view: RulesetView, rule: Rule): readonly SidedInterface[] {
  const admitted = (i: SidedInterface): boolean => i.side !== 'loopback' && admitsInterface(rule, i.name);
  const strangers = strangersInterfaces(context, view.family).filter(admitted);
  return strangers.length > 0 ? strangers : context.interfaces(view.family).filter(admitted);
}

/**
 * The address that a rule publishes a service on: what its -d names, else one of that interface, as the machine or a
 * SNAT for what leaves there shows it.
 */
export function publishedAddress(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  outside: string,
): ChosenAddress {
  const { dst } = rule.base;
  if (dst && !dst.negated) return ofRule(dst.value.address);
  const { machine } = context;
  if (machine.interfaces.value === undefined)
    for (const snat of sourceNatRules(view)) {
      const out = snat.base.outInterface;
      const address = view.findTarget(snat, SNAT)?.range.addresses?.low;
      if (!address || !out || out.negated || !interfaceMatches(out.value, outside)) continue;
      const fact = machine.localAddresses.find((f) => sameAddress(f.value, address));
      if (!fact) continue;
      const text = `${addressText(address)} is this machine's (${fact.source})`;
      const inferences = fact.provenance === 'given' ? [] : [{ text, settledBy: 'ip -j addr' }];
      return {
        address,
        provenance: fact.provenance === 'given' ? 'given' : 'inferred',
        assume: [],
        inferences,
      };
    }
  return context.localAddress(view.family, outside);
}

/**
 * Whether a forwarded-to address may just as well be this machine's own: the first or last of a private network, while
 * nobody knows which addresses the machine has.
 */
export function mayBeOurs({ machine }: CheckContext, target: Address): boolean {
  if (machine.interfaces.value !== undefined) return false;
  if (machine.behind?.some((f) => sameAddress(f.value.address, target))) return false;
  const last = target.w3 & 255;
  return !isPublicAddress(target) && (last === 1 || last === 254);
}

/** The rule that gave this walk's packet another destination first; undefined where none did. */
export function translatorOf(view: RulesetView, walk: Walk): Rule | undefined {
  const [first] = natEvents(walk, 'destination');
  return first === undefined || first.by === 'connection' ? undefined : view.ruleById(first.by.id);
}

/** Whether the rule itself gave this walk's packet another destination. */
export function isTranslatedBy(walk: Walk, rule: Rule): boolean {
  return natEvents(walk, 'destination').some((e) => e.by !== 'connection' && e.by.id === rule.id);
}

/** New connections of a stranger that this rule translates, on their further way; undecided ones left out. */
export function translatedWalks(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  from: SidedInterface,
): readonly Walk[] {
  const { family } = view;
  const src = context.remoteAddress(family);
  const local = publishedAddress(context, view, rule, from.name);
  const given = {
    inInterface: from.name,
    ...(rule.base.src ? {} : { src: src.address }),
    ...(rule.base.dst ? {} : { dst: local.address }),
  };
  return context
    .packetsOf(view, rule, given)
    .flatMap((sketch) => sendByAnyWay(context, sketch, sendOptions(src, local)))
    .filter((w) => w.fate !== 'undecided' && isTranslatedBy(w, rule));
}

/** Where routing sent an arriving packet, as destination NAT had left it; undefined where it did not come so far. */
export function routedTo(walk: Walk): RouteDecision | undefined {
  const routed = walk.trace.events.filter((e) => e.kind === 'route');
  return routed.find((e) => e.purpose === 'input')?.decision;
}

/**
 * Interfaces behind which hosts of our own are, as rules or the machine show it: none that only stands in for one, and
 * none that a program made for containers.
 */
export function knownInside(context: CheckContext, view: RulesetView): readonly SidedInterface[] {
  const named = interfaceNames(context.machine, context.views);
  return context
    .interfaces(view.family)
    .filter((i) => i.side === 'inside' && named.includes(i.name) && !containers.test(i.name));
}

const containers = /^(docker|br-[0-9a-f]{12}|veth|cni|cali|lxc|lxd|podman|flannel|virbr|vnet)/;

/** The addresses of an interface that others can reach, as the machine's commands say; empty where they say nothing. */
export function addressesOn(
  { machine }: CheckContext,
  name: string,
  family: Address['family'],
): readonly Address[] {
  const known = machine.interfaces.value?.find((i) => i.name === name);
  return (known?.addresses ?? [])
    .filter((a) => a.address.family === family && a.scope === 'global')
    .map((a) => a.address);
}

/** Whether the interface is known to have a public address and no other: nobody beyond it knows our private ones. */
export function isOnThePublicNet(context: CheckContext, name: string, family: Address['family']): boolean {
  const own = addressesOn(context, name, family);
  return own.length > 0 && own.every(isPublicAddress);
}
