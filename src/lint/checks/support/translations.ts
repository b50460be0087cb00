/** What table nat makes of all connections at once: which rule takes which, as they came in. */

import { atEntry } from '../../../analysis/fates.ts';
import type { Visit } from '../../../analysis/table-run.ts';
import type { Hook } from '../../../model/netfilter.ts';
import type { Rule } from '../../../model/ruleset.ts';
import type { PacketSet } from '../../../packetset/space.ts';
import type { CheckContext, RulesetView, Walk } from '../../check.ts';
import { natEvents } from './conversations.ts';

/** The visits of table nat at this hook by packets from the wire. */
function natVisits(context: CheckContext, view: RulesetView, hook: Hook): readonly Visit[] {
  return context
    .packets(view)
    .road('through')
    .visits.filter((v) => v.table === 'nat' && v.hook === hook);
}

/** Openers from the wire that a rule of nat PREROUTING may take, as they came in. */
export function takenOpeners(context: CheckContext, view: RulesetView, rule: Rule): PacketSet {
  const { analysis, space, openers, road } = context.packets(view);
  const parts = natVisits(context, view, 'PREROUTING').map((visit) =>
    space.may(atEntry(analysis.vocabulary, visit.taking(rule), road('through'))),
  );
  return space.and(space.union(parts), openers);
}

/** The rule that gave this walk's packet another destination first; undefined where none did. */
export function translatorOf(view: RulesetView, walk: Walk): Rule | undefined {
  const [first] = natEvents(walk, 'destination');
  return first === undefined || first.by === 'connection' ? undefined : view.ruleById(first.by.id);
}
