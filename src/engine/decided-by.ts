/** Who decided about a packet. */

import type { PolicyRef, RuleRef, Trace } from '../model/trace.ts';

/**
 * The rule or policy that decided: the one that stopped the packet, or the one of the filter table that let it
 * pass last. Undefined where no rule had a say.
 */
export function decidedBy(trace: Trace): RuleRef | PolicyRef | undefined {
  const { fate, events } = trace;
  if ('at' in fate) return fate.at;
  if (fate.kind !== 'local' && fate.kind !== 'forward' && fate.kind !== 'sent') return undefined;
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i];
    if (event?.kind === 'rule' && event.rule.table === 'filter' && event.outcome === 'accept')
      return event.rule;
    if (event?.kind === 'policy' && event.table === 'filter')
      return { table: event.table, chain: event.chain, policy: true };
  }
  return undefined;
}
