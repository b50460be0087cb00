/** Services that rules are about: their destination ports, in words and as data. */

import { multiport } from '../../../extensions/matches/multiport.ts';
import { tcp } from '../../../extensions/matches/tcp.ts';
import { udp } from '../../../extensions/matches/udp.ts';
import type { Rule } from '../../../model/ruleset.ts';
import { protocolName } from '../../../net/protocols.ts';
import type { RulesetView } from '../../check.ts';

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

/** A port that no rule is likely to name: what becomes of it is what becomes of everything not spoken of. */
export const unspokenService: Service = { protocol: 6, port: 49513 };
