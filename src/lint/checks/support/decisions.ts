/** What rules decide, and packets that show who decided instead. */

import type { Rule } from '../../../model/ruleset.ts';
import type { CheckContext, RulesetView, Walk } from '../../check.ts';

/** The two things that can become of a packet, for those who asked. */
export type Decision = 'accept' | 'deny';

/** What a rule may decide in the end, jumps followed; both for a chain that does both, none for LOG and its like. */
export function decisions(view: RulesetView, rule: Rule): ReadonlySet<Decision> {
  const { target } = rule;
  if (target.kind === 'jump' || target.kind === 'goto')
    return chainDecisions(view, rule.table).get(target.chain) ?? none;
  const own = decisionOfRule(view, rule);
  return own === undefined ? none : only[own];
}

const none: ReadonlySet<Decision> = new Set();
const only: Readonly<Record<Decision, ReadonlySet<Decision>>> = {
  accept: new Set(['accept']),
  deny: new Set(['deny']),
};

/** By itself. */
function decisionOfRule(view: RulesetView, rule: Rule): Decision | undefined {
  const { outcome } = view.effect(rule);
  if (outcome === 'accept') return 'accept';
  return outcome === 'drop' || outcome === 'stolen' ? 'deny' : undefined;
}

const known = new WeakMap<RulesetView, Map<string, ReadonlyMap<string, ReadonlySet<Decision>>>>();

/**
 * What the chains of a table may decide, those that they call included. Found once, from the chains that decide up to
 * their callers: ways through chains can double at every jump, and jumps can be nested deeper than any stack.
 */
function chainDecisions(view: RulesetView, table: string): ReadonlyMap<string, ReadonlySet<Decision>> {
  const tables = known.get(view) ?? new Map<string, ReadonlyMap<string, ReadonlySet<Decision>>>();
  known.set(view, tables);
  const done = tables.get(table);
  if (done) return done;
  const found = new Map<string, Set<Decision>>();
  const pending: { readonly chain: string; readonly decision: Decision }[] = [];
  const add = (chain: string, decision: Decision): void => {
    const decisions = found.get(chain) ?? new Set();
    if (decisions.has(decision)) return;
    found.set(chain, decisions.add(decision));
    pending.push({ chain, decision });
  };
  for (const chain of view.table(table)?.chains ?? [])
    for (const rule of chain.rules) {
      const decision = decisionOfRule(view, rule);
      if (decision !== undefined) add(chain.name, decision);
    }
  for (let next = pending.pop(); next !== undefined; next = pending.pop())
    for (const caller of view.callers(table, next.chain)) add(caller.chain, next.decision);
  tables.set(table, found);
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
