/** Which rules stand where, and what they say: refusals, accepts and translations, with the hooks that lead to them. */

import type { Hook } from '../../../model/netfilter.ts';
import type { BaseMatch, Rule } from '../../../model/ruleset.ts';
import { interfaceMatches } from '../../../net/interface-pattern.ts';
import type { RulesetView } from '../../check.ts';
import { type Service, servicesOf, serviceText } from './services.ts';

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

/** The one interface that -i or -o names; undefined for none, several, or all but one. */
export function exactName(device: BaseMatch['inInterface']): string | undefined {
  return device && !device.negated && device.value.exact ? device.value.name : undefined;
}

/** Whether the rule's own -i lets this interface in. */
export function admitsInterface(rule: Rule, name: string): boolean {
  const i = rule.base.inInterface;
  return !i || interfaceMatches(i.value, name) !== i.negated;
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
  return translating(view, 'DNAT');
}

/** Rules of nat PREROUTING that give packets to this machine itself. */
export function redirectRules(view: RulesetView): readonly Rule[] {
  return translating(view, 'REDIRECT');
}

const translating = oncePerView((view, target) =>
  view
    .rules()
    .filter(
      (r) =>
        r.table === 'nat' &&
        r.target.kind === 'extension' &&
        r.target.extension === target &&
        view.hooks('nat', r.chain).includes('PREROUTING'),
    ),
);
