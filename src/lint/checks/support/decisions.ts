/** What rules decide, and packets that show who decided instead. */

import type { Rule } from '../../../model/ruleset.ts';
import type { CheckContext, RulesetView, Walk } from '../../check.ts';

/** The two things that can become of a packet, for those who asked. */
export type Decision = 'accept' | 'deny';

/** What a rule may decide in the end, jumps followed; both for a chain that does both, none for LOG and its like. */
export function decisions(view: RulesetView, rule: Rule): ReadonlySet<Decision> {
  const found = new Set<Decision>();
  // Each chain once: ways through chains can double at every jump, and jumps can be nested deeper than any stack.
  const seen = new Set<string>();
  const pending = [rule];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { outcome } = view.effect(next);
    if (outcome === 'accept') found.add('accept');
    else if (outcome === 'drop' || outcome === 'stolen') found.add('deny');
    else if (outcome === 'jump' || outcome === 'goto') {
      const { target } = next;
      const to = target.kind === 'jump' || target.kind === 'goto' ? target.chain : '';
      if (seen.has(to)) continue;
      seen.add(to);
      for (const inner of view.chain(next.table, to)?.rules ?? []) pending.push(inner);
    }
    if (found.size === 2) break;
  }
  return found;
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
