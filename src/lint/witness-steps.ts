/** The way of a witness, hook by hook, in few words: what viewers of findings step through. */

import type { Span } from '../diagnostics/diagnostic.ts';
import type { PolicyRef, RuleRef, Trace, TraceEvent } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import type { RulesetView } from './check.ts';
import type { WitnessStep } from './finding.ts';
import { spanOf } from './place.ts';

/** Further steps are left out: a packet rarely meets more rules that matter. */
const stepsMax = 60;

function endpoint(address: Parameters<typeof addressText>[0], port: number | undefined): string {
  const text = addressText(address);
  if (port === undefined) return text;
  return address.family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
}

function textOf(event: TraceEvent): string | undefined {
  switch (event.kind) {
    case 'hook': {
      const ways = [
        event.inInterface === undefined ? '' : ` in by ${event.inInterface}`,
        event.outInterface === undefined ? '' : ` out by ${event.outInterface}`,
      ];
      return `${event.hook}${ways.join('')}`;
    }
    case 'rule': {
      const { table, chain, number } = event.rule;
      const to = event.to === undefined ? '' : ` to ${event.to}`;
      return `rule ${number} of ${table} ${chain} matches: ${event.outcome}${to}`;
    }
    case 'policy':
      // Tables that only rewrite or count let everything pass at their end.
      if (event.table !== 'filter' && event.verdict === 'accept') return undefined;
      return `policy of ${event.table} ${event.chain}: ${event.verdict}`;
    case 'nat': {
      const { manip, before, after } = event;
      return manip === 'source'
        ? `source ${endpoint(before.src, before.sport)} becomes ${endpoint(after.src, after.sport)}`
        : `destination ${endpoint(before.dst, before.dport)} becomes ${endpoint(after.dst, after.dport)}`;
    }
    case 'route': {
      const { kind, outInterface } = event.decision;
      if (kind === 'drop') return 'routing drops it';
      const way = outInterface === undefined ? '' : ` by ${outInterface}`;
      return kind === 'local' ? 'routing: for this machine' : `routing: ${kind}${way}`;
    }
    default:
      return undefined;
  }
}

function endText(trace: Trace): string {
  const { fate } = trace;
  switch (fate.kind) {
    case 'local':
      return 'delivered to this machine itself';
    case 'forward':
    case 'sent':
      return `leaves by ${fate.outInterface}`;
    case 'drop':
      return 'dropped';
    case 'reject':
      return `refused with ${fate.with}`;
    default:
      return `ends: ${fate.kind}`;
  }
}

/** The steps of a walk, with the places of the rules and policies that spoke. */
export function witnessSteps(trace: Trace, views: readonly RulesetView[]): readonly WitnessStep[] {
  const view = views.find(({ family }) => family === trace.packet.family);
  const placeOf = (event: TraceEvent): Span | undefined => {
    if (!view) return undefined;
    const at: RuleRef | PolicyRef | undefined =
      event.kind === 'rule'
        ? event.rule
        : event.kind === 'policy'
          ? { table: event.table, chain: event.chain, policy: true }
          : event.kind === 'nat' && event.by !== 'connection'
            ? event.by
            : undefined;
    if (!at) return undefined;
    if ('policy' in at) {
      const chain = view.chain(at.table, at.chain);
      return chain && spanOf({ kind: 'policy', view, chain });
    }
    const rule = view.ruleById(at.id);
    return rule && spanOf({ kind: 'rule', view, rule });
  };
  const steps: WitnessStep[] = [];
  for (const event of trace.events) {
    const text = textOf(event);
    if (text === undefined || steps.length >= stepsMax) continue;
    const span = placeOf(event);
    steps.push({ hook: event.kind === 'hook', text, ...(span ? { span } : {}) });
  }
  return [...steps, { hook: false, text: endText(trace) }];
}
