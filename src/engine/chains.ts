/**
 * The walk through the chains of one table at one hook.
 *
 * Source: net/netfilter/nf_tables_core.c nft_do_chain(), net/ipv4/netfilter/ip_tables.c ipt_do_table().
 */

import { NO, UNKNOWN, YES } from '../extensions/define.ts';
import type { MissReason, PolicyRef, RuleOutcome, RuleRef } from '../model/trace.ts';
import { baseRefusal, passOver } from './chain-columns.ts';
import { action, type CompiledChain } from './compile-chain.ts';
import type { Walk } from './walk.ts';
import { answerOf, decide } from './working-state.ts';

/** What a table's pass may end with. */
export type ChainVerdict = 'accept' | 'drop' | 'queue' | 'stolen' | 'undecided' | 'exhausted';

/** How a table's pass ended, and by what. */
export interface ChainResult {
  readonly verdict: ChainVerdict;
  readonly at: RuleRef | PolicyRef | undefined;
}

/** Deeper jumps than this end the walk: the kernel refuses such rulesets (16 levels in nf_tables). */
const jumpDepthMax = 1024;

/** Topics whose answer is one and the same for every rule of a walk. */
const sharedTopic = /^(?:local:|out:|forwarding$|conntrack$)/;

function miss(w: Walk, c: CompiledChain, i: number, because: MissReason): void {
  w.emit({ kind: 'miss', rule: c.refs[i] as RuleRef, because });
}

function missByMatch(w: Walk, c: CompiledChain, i: number, index: number): void {
  const use = c.rules[i]?.matches[index];
  miss(w, c, i, { condition: 'match', index, extension: use?.extension ?? '', text: use?.text ?? '' });
}

/**
 * Whether rule `i`, which the columns do not refuse, takes the packet; UNKNOWN: the tape has no answer, and the
 * question is noted.
 */
function tryRule(w: Walk, c: CompiledChain, i: number): 0 | 1 | 2 {
  const p = w.packet;
  const all = w.shared.detail === 'all';
  const matchers = c.matchers[i] as CompiledChain['matchers'][number];
  if (matchers.length === 0) return YES;
  w.rule = c.refs[i];
  for (let m = 0; m < matchers.length; m++) {
    w.asked = undefined;
    let answer = (matchers[m] as (typeof matchers)[number])(p, w);
    if (answer === UNKNOWN) answer = settle(w, c, i);
    if (answer === YES) continue;
    if (answer === NO && all) missByMatch(w, c, i, m);
    return answer;
  }
  return YES;
}

/** Looks on the tape for what an undecided match of rule `i` answers. */
function settle(w: Walk, c: CompiledChain, i: number): 0 | 1 | 2 {
  const ref = c.refs[i] as RuleRef;
  const asked = w.asked as Walk['asked'];
  const topic = asked?.topic ?? 'unknown';
  if (sharedTopic.test(topic)) {
    w.shared.question ??= { key: topic, topic, answers: asked?.answers ?? ['no', 'yes'], rule: ref };
    return UNKNOWN;
  }
  const key = `rule:${ref.table}/${ref.chain}/${ref.number}`;
  const answer = answerOf(w.shared, key);
  if (answer === 'yes' || answer === 'no') {
    w.emit({ kind: 'assumed', assumption: { key, answer }, rule: ref });
    return answer === 'yes' ? YES : NO;
  }
  w.shared.question ??= { key, topic, answers: ['no', 'yes'], rule: ref };
  return UNKNOWN;
}

/** Runs a target extension and reports what it changed, behind the event of its rule. */
function runTarget(w: Walk, c: CompiledChain, i: number): RuleOutcome | 'unknown' {
  const runner = c.runners[i];
  if (!runner) return 'unknown';
  const ref = c.refs[i] as RuleRef;
  const p = w.packet;
  const { mark, tos, ttl, tcpOptions } = p;
  const at = w.events.length;
  const tracing = w.shared.detail !== 'none';
  if (tracing)
    w.events.push({
      kind: 'rule',
      rule: ref,
      outcome: 'continue',
      to: undefined,
      mark: p.mark,
      ctState: w.connection.state,
      status: w.ct?.status ?? 0,
    });
  w.rule = ref;
  w.asked = undefined;
  const outcome = runner(w);
  if (outcome === 'unknown') {
    if (tracing) w.events.splice(at, 1);
    return 'unknown';
  }
  if (tracing) {
    w.events[at] = {
      kind: 'rule',
      rule: ref,
      outcome,
      to: undefined,
      mark: p.mark,
      ctState: w.connection.state,
      status: w.ct?.status ?? 0,
    };
    const changed = (field: string, before: unknown, after: unknown): void => {
      if (before !== after) w.emit({ kind: 'change', field, before, after, by: ref });
    };
    changed('mark', mark, p.mark);
    changed('tos', tos, p.tos);
    changed('ttl', ttl, p.ttl);
    changed('tcpOptions', tcpOptions, p.tcpOptions);
  }
  return outcome;
}

/** Walks one built-in chain and whatever it calls. */
export function walkChain(w: Walk, base: CompiledChain): ChainResult {
  const { shared } = w;
  const tracing = shared.detail !== 'none';
  const all = shared.detail === 'all';
  const callers: CompiledChain[] = [];
  const returns: number[] = [];
  let chain = base;
  let i = 0;

  const matched = (c: CompiledChain, at: number, outcome: RuleOutcome, to?: string): void => {
    if (tracing)
      w.events.push({
        kind: 'rule',
        rule: c.refs[at] as RuleRef,
        outcome,
        to,
        mark: w.packet.mark,
        ctState: w.connection.state,
        status: w.ct?.status ?? 0,
      });
  };

  for (;;) {
    if (i >= chain.size) {
      if (tracing && chain !== base)
        w.events.push({ kind: 'chain-end', table: chain.table, chain: chain.name, mark: w.packet.mark });
      const caller = callers.pop();
      if (!caller) break;
      chain = caller;
      i = returns.pop() as number;
      continue;
    }
    // Each rule is a step, whether the columns pass over it or not.
    if (all) {
      if (--shared.stepsLeft < 0) return { verdict: 'exhausted', at: undefined };
      const condition = baseRefusal(chain, i, w.packet, w);
      if (condition !== undefined) {
        miss(w, chain, i, { condition });
        i++;
        continue;
      }
    } else {
      const next = passOver(chain, w, i, Math.min(chain.size, i + shared.stepsLeft));
      shared.stepsLeft -= next - i;
      i = next;
      if (i >= chain.size) continue;
      if (--shared.stepsLeft < 0) return { verdict: 'exhausted', at: undefined };
    }
    const answer = tryRule(w, chain, i);
    if (w.hotDropped) {
      w.hotDropped = false;
      matched(chain, i, 'drop');
      return { verdict: 'drop', at: chain.refs[i] };
    }
    if (answer === NO) {
      i++;
      continue;
    }
    if (answer === UNKNOWN) return { verdict: 'undecided', at: undefined };
    const ref = chain.refs[i] as RuleRef;
    switch (chain.actions[i]) {
      case action.CONTINUE:
        matched(chain, i, 'continue');
        i++;
        continue;
      case action.ACCEPT:
        matched(chain, i, 'accept');
        return { verdict: 'accept', at: ref };
      case action.DROP:
        matched(chain, i, 'drop');
        return { verdict: 'drop', at: ref };
      case action.QUEUE:
        matched(chain, i, 'queue');
        return { verdict: 'queue', at: ref };
      case action.RETURN: {
        matched(chain, i, 'return');
        const caller = callers.pop();
        if (!caller) {
          chain = base;
          i = Number.POSITIVE_INFINITY;
          break;
        }
        chain = caller;
        i = returns.pop() as number;
        continue;
      }
      case action.JUMP: {
        const to = chain.targets[i] as CompiledChain;
        matched(chain, i, 'jump', to.name);
        if (callers.length >= jumpDepthMax) return { verdict: 'exhausted', at: ref };
        callers.push(chain);
        returns.push(i + 1);
        chain = to;
        i = 0;
        continue;
      }
      case action.GOTO: {
        const to = chain.targets[i] as CompiledChain;
        matched(chain, i, 'goto', to.name);
        chain = to;
        i = 0;
        continue;
      }
      case action.RUN: {
        const outcome = runTarget(w, chain, i);
        if (outcome === 'continue') {
          i++;
          continue;
        }
        if (outcome === 'accept' || outcome === 'drop' || outcome === 'queue' || outcome === 'stolen')
          return { verdict: outcome, at: ref };
        // A question of the target itself, or of what it set in motion, stands; else ask what it does.
        if (shared.question) return { verdict: 'undecided', at: ref };
        break;
      }
      default:
        break;
    }
    if (i === Number.POSITIVE_INFINITY) break;
    const key = `target:${ref.table}/${ref.chain}/${ref.number}`;
    const told = decide(shared, key, w.asked?.topic ?? key, ['continue', 'accept', 'drop'], ref);
    if (told === undefined) return { verdict: 'undecided', at: ref };
    w.emit({ kind: 'assumed', assumption: { key, answer: told }, rule: ref });
    if (told === 'accept' || told === 'drop') {
      matched(chain, i, told);
      return { verdict: told, at: ref };
    }
    matched(chain, i, 'continue');
    i++;
  }

  const verdict = base.policy === 'DROP' ? 'drop' : base.policy === 'QUEUE' ? 'queue' : 'accept';
  if (tracing)
    w.events.push({
      kind: 'policy',
      table: base.table,
      chain: base.name,
      verdict,
      mark: w.packet.mark,
      ctState: w.connection.state,
      status: w.ct?.status ?? 0,
    });
  return { verdict, at: { table: base.table, chain: base.name, policy: true } };
}
