/**
 * The walk through the chains of one table at one hook.
 *
 * Source: net/netfilter/nf_tables_core.c nft_do_chain(), net/ipv4/netfilter/ip_tables.c ipt_do_table().
 */

import type { ColumnTest } from '../extensions/define.ts';
import { NO, UNKNOWN, YES } from '../extensions/define.ts';
import type { Packet } from '../model/packet.ts';
import type { MissReason, PolicyRef, RuleOutcome, RuleRef } from '../model/trace.ts';
import { networkContains } from '../net/address.ts';
import { interfaceMatches } from '../net/interface-pattern.ts';
import { action, type CompiledChain, flag } from './compile-chain.ts';
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

function addressDiffers(
  chain: CompiledChain,
  i: number,
  a: Packet['src'],
  address: Uint32Array,
  mask: Uint32Array,
): boolean {
  if (chain.words === 1) return ((a.w3 ^ (address[i] as number)) & (mask[i] as number)) !== 0;
  const k = 4 * i;
  return (
    ((a.w0 ^ (address[k] as number)) & (mask[k] as number)) !== 0 ||
    ((a.w1 ^ (address[k + 1] as number)) & (mask[k + 1] as number)) !== 0 ||
    ((a.w2 ^ (address[k + 2] as number)) & (mask[k + 2] as number)) !== 0 ||
    ((a.w3 ^ (address[k + 3] as number)) & (mask[k + 3] as number)) !== 0
  );
}

function outside(value: number | undefined, low: number, high: number): boolean {
  return value === undefined || value < low || value > high;
}

function failsTest(test: ColumnTest, packet: Packet, w: Walk): boolean {
  switch (test.column) {
    case 'protocol':
      return outside(packet.protocol, test.low, test.high);
    case 'sport':
    case 'dport':
    case 'icmpType':
      return outside(packet[test.column], test.low, test.high);
    case 'src':
    case 'dst':
      return !networkContains(test.network, packet[test.column]);
    case 'in':
      return !interfaceMatches(test.pattern, w.inInterface);
    case 'out':
      return !interfaceMatches(test.pattern, w.outInterface);
  }
}

/** Which base condition refuses the packet: the columns that decide alone. Zero: none. */
function baseRefusal(c: CompiledChain, i: number, p: Packet, w: Walk): number {
  const f = c.flags[i] as number;
  if (f & (flag.SRC | flag.SRC_NOT)) {
    if (addressDiffers(c, i, p.src, c.src, c.srcMask) === ((f & flag.SRC) !== 0)) return flag.SRC;
  }
  if (f & (flag.DST | flag.DST_NOT)) {
    if (addressDiffers(c, i, p.dst, c.dst, c.dstMask) === ((f & flag.DST) !== 0)) return flag.DST;
  }
  if (f & (flag.IN | flag.IN_NOT)) {
    const pattern = c.inPattern[i];
    if (pattern && interfaceMatches(pattern, w.inInterface) === ((f & flag.IN_NOT) !== 0)) return flag.IN;
  }
  if (f & (flag.OUT | flag.OUT_NOT)) {
    const pattern = c.outPattern[i];
    if (pattern && interfaceMatches(pattern, w.outInterface) === ((f & flag.OUT_NOT) !== 0)) return flag.OUT;
  }
  if (f & (flag.PROTOCOL | flag.PROTOCOL_NOT)) {
    if ((p.protocol === c.protocol[i]) === ((f & flag.PROTOCOL_NOT) !== 0)) return flag.PROTOCOL;
  }
  if (f & (flag.FRAGMENT | flag.FRAGMENT_NOT)) {
    if (p.fragmentOffsetBytes > 0 === ((f & flag.FRAGMENT_NOT) !== 0)) return flag.FRAGMENT;
  }
  return 0;
}

/** Whether the necessary conditions of matches refuse the packet. */
function columnsRefuse(c: CompiledChain, i: number, p: Packet, w: Walk): boolean {
  const f = c.flags[i] as number;
  if (!(f & (flag.SPORT | flag.DPORT | flag.ICMP | flag.EXTRA))) return false;
  if (f & flag.SPORT && outside(p.sport, c.sportLow[i] as number, c.sportHigh[i] as number)) return true;
  if (f & flag.DPORT && outside(p.dport, c.dportLow[i] as number, c.dportHigh[i] as number)) return true;
  if (f & flag.ICMP && outside(p.icmpType, c.icmpLow[i] as number, c.icmpHigh[i] as number)) return true;
  if (f & flag.EXTRA) for (const test of c.extra[i] ?? []) if (failsTest(test, p, w)) return true;
  return false;
}

const conditionOf = new Map<number, 'src' | 'dst' | 'protocol' | 'inInterface' | 'outInterface' | 'fragment'>(
  [
    [flag.SRC, 'src'],
    [flag.DST, 'dst'],
    [flag.IN, 'inInterface'],
    [flag.OUT, 'outInterface'],
    [flag.PROTOCOL, 'protocol'],
    [flag.FRAGMENT, 'fragment'],
  ],
);

function miss(w: Walk, c: CompiledChain, i: number, because: MissReason): void {
  w.emit({ kind: 'miss', rule: c.refs[i] as RuleRef, because });
}

function missByMatch(w: Walk, c: CompiledChain, i: number, index: number): void {
  const use = c.uses[i]?.[index];
  miss(w, c, i, { condition: 'match', index, extension: use?.extension ?? '', text: use?.text ?? '' });
}

/** Whether rule `i` takes the packet; UNKNOWN: the tape has no answer, and the question is noted. */
function tryRule(w: Walk, c: CompiledChain, i: number): 0 | 1 | 2 {
  const p = w.packet;
  const all = w.shared.detail === 'all';
  const base = baseRefusal(c, i, p, w);
  if (base !== 0) {
    if (all) miss(w, c, i, { condition: conditionOf.get(base) ?? 'src' });
    return NO;
  }
  if (!all && columnsRefuse(c, i, p, w)) return NO;
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
    if (--shared.stepsLeft < 0) return { verdict: 'exhausted', at: undefined };
    const answer = tryRule(w, chain, i);
    if (w.hotDropped) {
      w.hotDropped = false;
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
