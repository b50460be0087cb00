/** What rules ask about the state of connections. */

import { type ConntrackData, conntrack, ctStateBit } from '../../../extensions/matches/conntrack.ts';
import { state } from '../../../extensions/matches/state.ts';
import { CT } from '../../../extensions/targets/CT.ts';
import { NOTRACK } from '../../../extensions/targets/NOTRACK.ts';
import type { CtState } from '../../../model/netfilter.ts';
import type { Rule } from '../../../model/ruleset.ts';
import type { RulesetView } from '../../check.ts';
import { accepts } from './rules-at.ts';

/** The states that a rule asks for. */
export interface AskedStates {
  /** Bits by position in `ctStateWords`. */
  readonly bits: number;
  readonly negated: boolean;
  /** The option that says so: `--ctstate`, `--state`. */
  readonly option: string;
}

/** The states that a rule asks for; undefined if it does not ask. Of several conditions, the first. */
export function stateOf(view: RulesetView, rule: Rule): AskedStates | undefined {
  const full: ConntrackData['state'] = view.find(rule, conntrack)?.state;
  if (full) return { ...full, option: '--ctstate' };
  const short = view.find(rule, state);
  return short && { ...short, option: '--state' };
}

/** Whether a rule's states, if it asks for any, include this one. */
export function admitsState(view: RulesetView, rule: Rule, asked: CtState): boolean {
  const states = stateOf(view, rule);
  return !states || ((states.bits & ctStateBit(asked)) !== 0) !== states.negated;
}

/** Whether a rule accepts by state, and this one is among them. */
export function acceptsState(view: RulesetView, rule: Rule, asked: CtState): boolean {
  return accepts(rule) && stateOf(view, rule) !== undefined && admitsState(view, rule, asked);
}

/** Rules of table raw that take packets out of connection tracking, where a hook leads to them. */
export function notrackRules(view: RulesetView): readonly Rule[] {
  return (view.table('raw')?.chains ?? [])
    .flatMap((chain) => chain.rules)
    .filter(
      (rule) =>
        (view.findTarget(rule, CT)?.notrack || view.findTarget(rule, NOTRACK)) &&
        view.hooks('raw', rule.chain).length > 0,
    );
}
