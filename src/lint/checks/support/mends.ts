/** Changes that several checks propose: a rule put where its packets go, a chain closed. */

import { ruleBody } from '../../../link/rule-text.ts';
import type { Chain, Rule } from '../../../model/ruleset.ts';
import type { RulesetView, Walk } from '../../check.ts';
import { changedBody, type FixDraft, insertRules } from '../../fixes/fix-draft.ts';
import { accepts } from './rules-at.ts';
import { servicesOf } from './services.ts';

/**
 * The rule once more, in the chain that its packets take, above what lets them pass there; `above`: rules that come
 * along, since they make exceptions of it. The rule stays where it is for the packets that do come there.
 */
export function copied(
  view: RulesetView,
  rule: Rule,
  into: 'INPUT' | 'FORWARD' | 'OUTPUT',
  passing: Walk,
  above: readonly Rule[] = [],
): readonly FixDraft[] {
  const chain = view.chain('filter', into);
  if (!chain) return [];
  const by = passing.decidedBy;
  const opener = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
  const before = opener?.chain === into ? opener : opener && chain.rules.find((r) => passing.matched(r));
  const bodies = [...above, rule].map(({ base, ...rest }) =>
    ruleBody({
      ...rest,
      base: {
        ...base,
        inInterface: into === 'OUTPUT' ? undefined : base.inInterface,
        outInterface: into === 'INPUT' ? undefined : base.outInterface,
      },
    }),
  );
  return [insertRules(view, chain, before, bodies)];
}

/** Accepts that name services, whoever asks for them: `-p tcp -m tcp --dport 443 -j ACCEPT`. */
export function openServices(view: RulesetView): readonly Rule[] {
  const rules = view.chain('filter', 'INPUT')?.rules ?? [];
  return rules.filter(
    (rule) => accepts(rule) && !rule.base.src && !rule.base.dst && servicesOf(view, rule).length > 0,
  );
}

/**
 * What makes a list of services of an INPUT that accepts the rest: the machine's own packets and answers first, further
 * services at the end, and a policy that drops.
 */
export function closedInput(
  view: RulesetView,
  chain: Chain,
  services: readonly string[],
  applicability: FixDraft['applicability'],
): FixDraft {
  const there = new Set(chain.rules.map(ruleBody));
  const first = [
    '-i lo -j ACCEPT',
    '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ...(view.family === 'ipv6' ? ['-p ipv6-icmp -j ACCEPT'] : []),
  ].filter((body) => !there.has(body));
  const last = services.filter((body) => !there.has(body));
  const edits = [
    ...insertRules(view, chain, chain.rules[0], first).edits,
    ...insertRules(view, chain, undefined, last).edits,
  ];
  return {
    title: `let the policy of ${chain.name} drop, and accept ${[...first, ...last].map((body) => `"${body.replace(/ -j ACCEPT$/, '')}"`).join(', ')} before`,
    applicability,
    view,
    edits: [...edits, { kind: 'policy', chain, policy: 'DROP' }],
  };
}

/** The rule without one of its matches, and with another target if one is given. */
export function withoutMatch(rule: Rule, extension: string, target = rule.target): string {
  return changedBody(rule, { matches: rule.matches.filter((use) => use.extension !== extension), target });
}
