/** Sends packets through the engine for checks, and reads from the trace what they ask of it. */

import { emptyState, type Program, simulate } from '../engine/simulate.ts';
import { assumptionText, tapeOf } from '../engine/tape.ts';
import type { Machine } from '../model/machine.ts';
import type { Hook } from '../model/netfilter.ts';
import type { PolicyRef, Question, RuleRef, Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import type { PacketSketch, RulesetView, SendOptions, Walk } from './check.ts';
import type { DecidedBy, Inference, Witness } from './finding.ts';
import { packetOf, sketchKey, wordsOf } from './sketch.ts';
import { witnessSteps } from './witness-steps.ts';

/** A rule, or a built-in chain's policy, as findings name it. */
export function decidedByOf(at: RuleRef | PolicyRef): DecidedBy {
  if ('policy' in at) return { kind: 'policy', table: at.table, chain: at.chain };
  return { kind: 'rule', ...at };
}

function decider(trace: Trace): DecidedBy | undefined {
  const { fate } = trace;
  switch (fate.kind) {
    case 'drop':
    case 'reject':
    case 'queue':
    case 'stolen':
      return decidedByOf(fate.at);
    case 'hook-drop':
      return fate.at && decidedByOf(fate.at);
    case 'local':
    case 'forward':
    case 'sent':
      break;
    default:
      return undefined;
  }
  for (let i = trace.events.length - 1; i >= 0; i--) {
    const event = trace.events[i];
    if (event?.kind === 'rule' && event.rule.table === 'filter' && event.outcome === 'accept')
      return decidedByOf(event.rule);
    if (event?.kind === 'policy' && event.table === 'filter')
      return { kind: 'policy', table: event.table, chain: event.chain };
  }
  return undefined;
}

/** Guesses of ours that a walk used: addresses that rules only hint at, and what the tape was told of them. */
function inferencesOf(trace: Trace, machine: Machine): readonly Inference[] {
  const guessed = [...machine.localAddresses, ...machine.remoteAddresses].filter(
    (fact) => fact.provenance === 'inferred',
  );
  const used = new Set<string>();
  for (const event of trace.events) {
    if (event.kind === 'route' && event.decision.source !== undefined) used.add(event.decision.source);
  }
  return guessed
    .filter((fact) => used.has(fact.source))
    .map((fact) => ({ text: fact.source, settledBy: 'ip -j addr' }));
}

function makeWalk(sketch: PacketSketch, trace: Trace, options: SendOptions, machine: Machine): Walk {
  const hooks: Hook[] = [];
  const matched = new Set<number>();
  let routed = false;
  for (const event of trace.events) {
    if (event.kind === 'hook') hooks.push(event.hook);
    else if (event.kind === 'rule') matched.add(event.rule.id);
    else if (event.kind === 'route') routed = true;
  }
  const { kind } = trace.fate;
  const declared = machine.roles ?? machine.inside ?? machine.outside.filter((f) => f.provenance === 'given');
  const told =
    declared.length > 0 || [machine.interfaces, machine.routes].some((fact) => fact.provenance === 'given');
  return {
    sketch,
    trace,
    fate: kind,
    accepted: kind === 'local' || kind === 'forward' || kind === 'sent',
    decidedBy: decider(trace),
    hooks,
    matched: (rule) => matched.has(rule.id),
    assume: trace.assumptions.map(assumptionText),
    inferences: [...(options.inferences ?? []), ...inferencesOf(trace, machine)],
    usedContext: routed && told,
  };
}

/** Walks that are tried to answer one question of a check. */
const walksMax = 24;

/** What a walk ended in, for comparing answers. */
function outcomeOf(trace: Trace): string {
  const by = decider(trace);
  return `${trace.fate.kind} ${by ? `${by.table} ${by.chain} ${by.kind === 'rule' ? by.id : ''}` : ''}`;
}

/** A question with what was told so far. */
interface Attempt {
  readonly sketch: PacketSketch;
  readonly assume: readonly string[];
}

/**
 * Sends packets through one machine; equal questions are walked once. `redirects`: whether this rule translates to the
 * machine itself, whatever its addresses are.
 */
export function createSender(
  program: () => Program,
  machine: Machine,
  redirects: (rule: RuleRef) => boolean,
): (sketch: PacketSketch, options?: SendOptions) => Walk {
  const state = emptyState();
  const settled = new Map<string, { readonly attempt: Attempt; readonly trace: Trace }>();

  function walk({ sketch, assume }: Attempt): Trace {
    const { packet, entry } = packetOf(sketch);
    return simulate(program(), state, packet, entry, undefined, tapeOf(assume)).trace;
  }

  /** The next attempts, one for each answer; none where the check itself must say. */
  function answers(
    { sketch, assume }: Attempt,
    { key, topic, answers: words }: Question,
    trace: Trace,
  ): readonly Attempt[] {
    const about = key.slice(key.indexOf(':') + 1);
    if (key.startsWith('local:')) {
      if (about === addressText(sketch.dst)) return [];
      // What a translation leads to is another host, if nothing says that it is this one.
      const last = trace.events.findLast((e) => e.kind === 'nat' && e.manip === 'destination');
      const here = last?.kind === 'nat' && last.by !== 'connection' && redirects(last.by);
      return [{ sketch, assume: [...assume, `${here ? 'local' : 'remote'}=${about}`] }];
    }
    if (key.startsWith('out:')) {
      if (sketch.outInterface !== undefined) return [];
      const others = words.filter((name) => name !== sketch.inInterface);
      return others.map((outInterface) => ({ sketch: { ...sketch, outInterface }, assume }));
    }
    // One world for all limits: each match says itself what it means for it.
    if (topic === 'limit')
      return ['over', 'under'].map((answer) => ({ sketch, assume: [...assume, `limit=${answer}`] }));
    const name = topic === 'random' ? topic : key;
    return words.map((answer) => ({ sketch, assume: [...assume, `${name}=${answer}`] }));
  }

  /** Answers what the packet does not decide wherever all answers come to the same; else it stays undecided. */
  function settle(
    attempt: Attempt,
    budget: { walks: number },
  ): { readonly attempt: Attempt; readonly trace: Trace } {
    budget.walks--;
    const trace = walk(attempt);
    const undecided = { attempt, trace };
    if (trace.fate.kind !== 'undecided' || budget.walks <= 0) return undecided;
    const tried = answers(attempt, trace.fate.question, trace).map((next) => settle(next, budget));
    const [first] = tried;
    if (!first || tried.some((t) => outcomeOf(t.trace) !== outcomeOf(first.trace))) return undecided;
    return first;
  }

  return (sketch, options = {}) => {
    const assume = options.assume ?? [];
    const key = `${sketchKey(sketch)}|${assume.join('|')}`;
    let answer = settled.get(key);
    if (!answer) {
      answer = settle({ sketch, assume }, { walks: walksMax });
      settled.set(key, answer);
    }
    return makeWalk(answer.attempt.sketch, answer.trace, options, machine);
  };
}

/** A walk as the data of a finding. */
export function witnessOf(walk: Walk, views: readonly RulesetView[]): Witness {
  return {
    packet: wordsOf(walk.sketch),
    local: walk.sketch.inInterface === undefined,
    assume: walk.assume,
    fate: { kind: walk.fate, by: walk.decidedBy },
    steps: witnessSteps(walk.trace, views),
  };
}
