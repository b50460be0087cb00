/** What rules decide, and packets that show who decided instead. */

import type { Rule } from '../../../model/ruleset.ts';
import type { CheckContext, RulesetView, Walk } from '../../check.ts';

/** The two things that can become of a packet, for those who asked. */
export type Decision = 'accept' | 'deny';

/** What a rule may decide in the end, jumps followed; both for a chain that does both, none for LOG and its like. */
export function decisions(
  view: RulesetView,
  rule: Rule,
  seen: ReadonlySet<string> = new Set(),
): ReadonlySet<Decision> {
  const { outcome } = view.effect(rule);
  if (outcome === 'accept') return new Set(['accept']);
  if (outcome === 'drop' || outcome === 'stolen') return new Set(['deny']);
  if (outcome !== 'jump' && outcome !== 'goto') return new Set();
  const { target } = rule;
  const to = target.kind === 'jump' || target.kind === 'goto' ? target.chain : '';
  const chain = view.chain(rule.table, to);
  if (!chain || seen.has(to)) return new Set();
  const further = new Set([...seen, to]);
  return new Set(chain.rules.flatMap((r) => [...decisions(view, r, further)]));
}

/** The decision of an ending of packet sets; a RETURN decides nothing by itself. */
export function decisionOf(ending: string): Decision | undefined {
  if (ending === 'accept') return 'accept';
  return ending === 'return' || ending === 'away' ? undefined : 'deny';
}

/** An ordinary packet that the rule describes and that one of the others decides before the rule sees it. */
export function walkPast(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  others: readonly Rule[],
): Walk | undefined {
  const [hook] = view.hooks(rule.table, rule.chain);
  if (hook === undefined || rule.table !== 'filter') return undefined;
  const { family } = view;
  const local = context.localAddress(family, rule.base.inInterface?.value.name);
  const remote = context.remoteAddress(family);
  const given = hook === 'INPUT' ? { dst: local.address } : hook === 'OUTPUT' ? { src: local.address } : {};
  for (const fixed of [given, {}]) {
    const [sketch] = context.packetsOf(view, rule, fixed);
    if (!sketch) continue;
    // A packet that an administrator's session is made of waits for no other rule.
    const assume = hook === 'INPUT' ? local.assume : remote.assume;
    const walk = context.send(sketch, { assume });
    const by = walk.decidedBy;
    if (by?.kind === 'rule' && others.some((r) => r.id === by.id) && !walk.matched(rule)) return walk;
  }
  return undefined;
}
