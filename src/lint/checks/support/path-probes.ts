/**
 * What the checks of the path family have in common: which service a rule is about, from where strangers come, and
 * packets sent to this machine and through it. Nothing here judges; the walks do.
 */

import { multiport } from '../../../extensions/matches/multiport.ts';
import { tcp } from '../../../extensions/matches/tcp.ts';
import { udp } from '../../../extensions/matches/udp.ts';
import type { Hook } from '../../../model/netfilter.ts';
import type { Rule } from '../../../model/ruleset.ts';
import { type Address, type Family, networkContains } from '../../../net/address.ts';
import { interfaceMatches } from '../../../net/interface-pattern.ts';
import { protocolName } from '../../../net/protocols.ts';
import type {
  CheckContext,
  ChosenAddress,
  PacketSketch,
  RulesetView,
  SendOptions,
  SidedInterface,
  Walk,
} from '../../check.ts';
import type { Inference } from '../../finding.ts';

/** A destination port of one protocol. */
export interface Service {
  readonly protocol: number;
  readonly port: number;
}

/** Samples taken of a range of ports: its ends say enough for a witness. */
function rangeSamples(low: number, high: number): readonly number[] {
  return low === high ? [low] : [low, high];
}

/** A wider range speaks of traffic in general, not of a service. */
export const serviceRangeMax = 1024;

/** The ranges of destination ports that a rule names; none if it names none or only excludes some. */
export function destinationPorts(
  view: RulesetView,
  rule: Rule,
): readonly { readonly low: number; readonly high: number }[] {
  const t = view.find(rule, tcp)?.dport ?? view.find(rule, udp)?.dport;
  const m = view.find(rule, multiport);
  return [...(t && !t.negated ? [t] : []), ...(m && !m.negated && m.side !== 'source' ? m.ports : [])];
}

/** The destination ports that a rule names, both ends of each range; none if it names none or only excludes some. */
export function servicesOf(view: RulesetView, rule: Rule): readonly Service[] {
  const protocol = rule.base.protocol;
  if (!protocol || protocol.negated) return [];
  const narrow = destinationPorts(view, rule).filter((r) => r.high - r.low <= serviceRangeMax);
  const ports = new Set(narrow.flatMap((r) => rangeSamples(r.low, r.high)));
  return [...ports].map((port) => ({ protocol: protocol.value, port }));
}

/** `tcp/80`, `udp/53`. */
export function serviceText(s: Service): string {
  return `${protocolName(s.protocol)}/${s.port}`;
}

/** `tcp/80, tcp/443 and udp/53`. */
export function servicesText(list: readonly Service[]): string {
  const texts = list.map(serviceText);
  return texts.length < 2 ? (texts[0] ?? '') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}

/** A rule that refuses for good: DROP or REJECT. */
export function denies(rule: Rule): boolean {
  const t = rule.target;
  return (
    (t.kind === 'verdict' && t.verdict === 'DROP') || (t.kind === 'extension' && t.extension === 'REJECT')
  );
}

/** A rule that accepts for good. */
export function accepts(rule: Rule): boolean {
  return rule.target.kind === 'verdict' && rule.target.verdict === 'ACCEPT';
}

/** Makes an answer once for each view and key: several checks ask the same of large rulesets. */
function oncePerView<T>(make: (view: RulesetView, key: string) => T): (view: RulesetView, key: string) => T {
  const known = new WeakMap<RulesetView, Map<string, T>>();
  return (view, key) => {
    const answers = known.get(view) ?? new Map<string, T>();
    known.set(view, answers);
    const old = answers.get(key);
    if (old !== undefined) return old;
    const made = make(view, key);
    answers.set(key, made);
    return made;
  };
}

const filterRules = oncePerView((view, hook) =>
  view.rules().filter((r) => r.table === 'filter' && view.hooks('filter', r.chain).includes(hook as Hook)),
);

/** The rules of table filter that packets of this hook can come to, in the order of chains. */
export function rulesAt(view: RulesetView, hook: Hook): readonly Rule[] {
  return filterRules(view, hook);
}

const filterServices = oncePerView(
  (view, hook) => new Set(rulesAt(view, hook as Hook).flatMap((r) => servicesOf(view, r).map(serviceText))),
);

/** Whether any rule of filter that this hook leads to names the service. */
export function isNamedAt(view: RulesetView, hook: Hook, service: Service): boolean {
  return filterServices(view, hook).has(serviceText(service));
}

/** Whether the rule's own -i lets this interface in. */
export function admitsInterface(rule: Rule, name: string): boolean {
  const i = rule.base.inInterface;
  return !i || interfaceMatches(i.value, name) !== i.negated;
}

/** The interfaces by which strangers come: those known or thought to be outside, else one whose side nobody knows. */
export function strangersInterfaces(context: CheckContext, family: Family): readonly SidedInterface[] {
  const all = context.interfaces(family).filter((i) => i.side !== 'loopback');
  const outside = all.filter((i) => i.side === 'outside');
  if (outside.length > 0) return outside;
  const unknown = all.find((i) => i.side === 'unknown');
  if (unknown) return [unknown];
  // Container hosts often name their bridges alone: strangers come by an interface that no rule speaks of.
  const name = ['eth0', 'wan0'].find((n) => !all.some((i) => i.name === n)) ?? 'ext0';
  const text = `packets from outside come in by an interface that no rule names (called ${name} here)`;
  return [{ name, side: 'unknown', provenance: 'unknown', inferences: [{ text, settledBy: 'ip -j addr' }] }];
}

/** Interfaces behind which our own networks are. */
export function insideInterfaces(
  context: CheckContext,
  family: Family,
  except: string,
): readonly SidedInterface[] {
  const all = context.interfaces(family).filter((i) => i.side !== 'loopback' && i.name !== except);
  const inside = all.filter((i) => i.side === 'inside');
  if (inside.length > 0) return inside;
  const unknown = all.filter((i) => i.side === 'unknown');
  if (unknown.length > 0) return unknown;
  const name = ['eth1', 'lan0'].find((n) => n !== except && !all.some((i) => i.name === n)) ?? 'int0';
  const text = `our own networks are behind an interface that no rule names (called ${name} here)`;
  return [{ name, side: 'unknown', provenance: 'unknown', inferences: [{ text, settledBy: 'ip -j addr' }] }];
}

/** Source NAT of table nat: the rules that hide a network behind this machine. */
export function sourceNatRules(view: RulesetView): readonly Rule[] {
  return sourceNat(view, '');
}

const sourceNat = oncePerView((view) =>
  view
    .rules()
    .filter(
      (r) =>
        r.table === 'nat' &&
        r.target.kind === 'extension' &&
        (r.target.extension === 'MASQUERADE' || r.target.extension === 'SNAT') &&
        view.hooks('nat', r.chain).includes('POSTROUTING'),
    ),
);

/** Rules of nat PREROUTING that give packets to another destination. */
export function destinationNatRules(view: RulesetView): readonly Rule[] {
  return destinationNat(view, '');
}

const destinationNat = oncePerView((view) =>
  view
    .rules()
    .filter(
      (r) =>
        r.table === 'nat' &&
        r.target.kind === 'extension' &&
        r.target.extension === 'DNAT' &&
        view.hooks('nat', r.chain).includes('PREROUTING'),
    ),
);

/** Puts together what several choices rest on. */
export function sendOptions(
  ...parts: readonly { readonly assume: readonly string[]; readonly inferences: readonly Inference[] }[]
): SendOptions {
  return {
    assume: [...new Set(parts.flatMap((p) => p.assume))],
    inferences: [...new Map(parts.flatMap((p) => p.inferences).map((i) => [i.text, i])).values()],
  };
}

/** An interface's inferences in the shape of {@link sendOptions}. */
export function sideOf(i: SidedInterface): {
  readonly assume: readonly string[];
  readonly inferences: readonly Inference[];
} {
  return { assume: [], inferences: i.inferences };
}

/** A packet to one of this machine's own addresses. */
export function sendToMachine(
  context: CheckContext,
  from: SidedInterface,
  src: ChosenAddress,
  service: Service,
  family: Family,
  dst: ChosenAddress = context.localAddress(family, from.name),
): Walk {
  return context.send(
    {
      inInterface: from.name,
      src: src.address,
      dst: dst.address,
      protocol: service.protocol,
      dport: service.port,
    },
    sendOptions(dst, src, sideOf(from)),
  );
}

/** The same packet to somebody behind this machine. */
export function sendThrough(
  context: CheckContext,
  from: SidedInterface,
  src: ChosenAddress,
  service: Service,
  to: SidedInterface,
  family: Family,
): Walk {
  const dst = context.remoteAddress(family, to.name);
  const sketch: PacketSketch = {
    inInterface: from.name,
    src: src.address,
    dst: dst.address,
    protocol: service.protocol,
    dport: service.port,
    outInterface: to.name,
  };
  return context.send(sketch, sendOptions(dst, src, sideOf(from)));
}

/** An address whose choice rests on the rule's own words. */
export function ofRule(address: Address): ChosenAddress {
  return { address, provenance: 'given', assume: [], inferences: [] };
}

/** Whether the rule's -d, if it has one, holds this address. */
export function admitsDestination(rule: Rule, address: Address): boolean {
  const d = rule.base.dst;
  return !d || networkContains(d.value, address) !== d.negated;
}

/** A port that no rule is likely to name: what becomes of it is what becomes of everything not spoken of. */
export const unspokenService: Service = { protocol: 6, port: 49513 };

/**
 * Sends a packet; where nothing says by which interface it leaves, each one that the rules name is tried in turn, and
 * the first way that gets it decided is taken, with the guess written down.
 */
export function sendByAnyWay(
  context: CheckContext,
  sketch: PacketSketch,
  options: SendOptions,
  family: Family,
): readonly Walk[] {
  const plain = context.send(sketch, options);
  if (plain.fate !== 'undecided' || sketch.outInterface !== undefined) return [plain];
  const walks: Walk[] = [];
  for (const to of context.interfaces(family)) {
    if (to.side === 'loopback' || to.name === sketch.inInterface) continue;
    const guess: Inference = {
      text: `the packet leaves by ${to.name} (an interface that the rules name)`,
      settledBy: 'ip -j route show table all',
    };
    walks.push(
      context.send(
        { ...sketch, outInterface: to.name },
        { ...options, inferences: [...(options.inferences ?? []), guess] },
      ),
    );
  }
  return walks;
}

/**
 * Destination NAT that may change what this rule names: of one of its ports, or of the address of its -d. For a rule
 * without either there is none.
 */
export function translationsNamedBy(view: RulesetView, rule: Rule): readonly Rule[] {
  const index = translationIndex(view, '');
  const found = new Set<Rule>();
  for (const s of servicesOf(view, rule))
    for (const t of index.byService.get(serviceText(s)) ?? []) found.add(t);
  const { dst } = rule.base;
  if (dst && !dst.negated) {
    for (const t of index.withDestination)
      if (t.base.dst && networkContains(dst.value, t.base.dst.value.address)) found.add(t);
  }
  return [...found];
}

const translationIndex = oncePerView((view) => {
  const byService = new Map<string, Rule[]>();
  const withDestination: Rule[] = [];
  for (const rule of destinationNatRules(view)) {
    if (rule.base.dst && !rule.base.dst.negated) withDestination.push(rule);
    for (const s of servicesOf(view, rule)) {
      const list = byService.get(serviceText(s));
      if (list) list.push(rule);
      else byService.set(serviceText(s), [rule]);
    }
  }
  return { byService, withDestination };
});
