/** The flow diagram of netfilter for one ruleset and one packet: which parts there are, and which the packet passed. */

import { builtinChains, type Hook, hooks, type TableName, tableNames } from '../../model/netfilter.ts';
import type { Endpoints } from '../../model/trace.ts';
import { addressText } from '../../net/address-text.ts';
import { fateWords } from '../../report/trace-words.ts';
import { type HookChain, stretchAt, type TableVisit } from '../state/walk-index.ts';
import { eventCount } from '../state/walk-record.ts';
import type { Leg } from '../state/world.ts';

/** What the packet met in a table, the gravest first. */
export type TableMark = 'stopped' | 'rewrote' | 'accepted' | 'matched' | 'passed' | 'skipped' | 'unreached';

/** A table of a hook. */
export interface RoadTable {
  readonly name: TableName;
  readonly mark: TableMark;
  /** `rule 3 DROP`, `policy ACCEPT`; empty where there is nothing to say. */
  readonly words: string;
  /** Its chain has rules, or a policy other than ACCEPT. */
  readonly active: boolean;
  /** The walk stands in it. */
  readonly here: boolean;
}

/** A hook. */
export interface RoadHook {
  readonly hook: Hook;
  readonly tables: readonly RoadTable[];
  /** The packet came by. */
  readonly passed: boolean;
  readonly here: boolean;
  /** What NAT made of the packet here: `to 192.168.1.20:80`, `from 203.0.113.1:40000`. */
  readonly rewriting: string | undefined;
}

/** Parts of the diagram between the hooks. */
type RoadEdge =
  | 'in'
  | 'routing'
  | 'to-input'
  | 'to-process'
  | 'to-forward'
  | 'from-process'
  | 'forward-to-postrouting'
  | 'output-to-postrouting'
  | 'out';

/** See the head of this file. */
export interface Road {
  readonly hooks: Readonly<Record<Hook, RoadHook>>;
  readonly edges: ReadonlySet<RoadEdge>;
  readonly inInterface: string;
  readonly outInterface: string;
  /** What routing said, in a few words: `for this machine`. */
  readonly routing: string | undefined;
  /** The walk stands at the routing decision, or at the end. */
  readonly hereRouting: boolean;
  readonly atEnd: boolean;
  /** Sent by this machine, or delivered to it. */
  readonly startsHere: boolean;
  readonly endsHere: boolean;
  readonly viaLoopback: boolean;
  readonly fate: { readonly word: string; readonly tone: 'accept' | 'drop' | 'other' };
}

/** What each mark is on the screen, and what it means. */
export const marks: Readonly<Record<TableMark, { readonly sign: string; readonly means: string }>> = {
  stopped: { sign: '✗', means: 'stopped here' },
  rewrote: { sign: '✎', means: 'changed the packet' },
  accepted: { sign: '✓', means: 'a rule accepted' },
  matched: { sign: '+', means: 'rules matched' },
  passed: { sign: '·', means: 'passed, no rule matched' },
  skipped: { sign: '~', means: 'not asked: no first packet, or not tracked' },
  unreached: { sign: ' ', means: 'not reached' },
};

function markOf(visit: TableVisit | undefined, stopped: boolean): TableMark {
  if (!visit) return 'unreached';
  if (visit.skipped) return 'skipped';
  if (stopped) return 'stopped';
  if (visit.rewrote) return 'rewrote';
  if (visit.end?.kind === 'rule' && visit.end.outcome === 'accept') return 'accepted';
  return visit.matched > 0 ? 'matched' : 'passed';
}

function wordsOf(visit: TableVisit | undefined): string {
  if (!visit) return '';
  if (visit.skipped) return 'not asked';
  const { end } = visit;
  if (end?.kind === 'rule') {
    const verdict = end.outcome === 'accept' ? 'ACCEPT' : end.outcome.toUpperCase();
    return `rule ${end.rule.number} ${verdict}`;
  }
  if (end?.kind === 'policy')
    return end.verdict === 'accept' && visit.matched === 0 ? '' : `policy ${end.verdict.toUpperCase()}`;
  return '';
}

function rewritingWords(before: Endpoints, after: Endpoints, manip: 'source' | 'destination'): string {
  const [address, port, old] =
    manip === 'source' ? [after.src, after.sport, before.src] : [after.dst, after.dport, before.dst];
  const text = addressText(address);
  const host = address.family === 'ipv6' && port !== undefined ? `[${text}]` : text;
  const same = addressText(old) === text;
  const what = port === undefined ? host : same ? `port ${port}` : `${host}:${port}`;
  return `${manip === 'source' ? 'from' : 'to'} ${what}`;
}

const routeText = {
  local: 'for this machine',
  forward: 'forward',
  output: 'out',
  broadcast: 'broadcast',
  multicast: 'multicast',
  drop: 'dropped',
} as const;

/** Draws nothing; says what there is to draw. `at` is the index of the event that the walk stands at. */
export function roadOf(chains: readonly HookChain[], { trace, record, index }: Leg, at: number): Road {
  const { stretches } = index;
  const here = stretchAt(index, at);
  const atEnd = at >= eventCount(record);
  const lastHook = stretches.findLast((s) => s.kind === 'hook');
  const { fate } = trace;
  const stopped = !['local', 'forward', 'sent'].includes(fate.kind);

  const roadHook = (hook: Hook): RoadHook => {
    const visits = stretches.filter((s) => s.kind === 'hook').filter((s) => s.hook === hook);
    const isHere = here?.kind === 'hook' && here.hook === hook && !atEnd;
    const tables = tableNames
      .filter((name) => builtinChains[name].includes(hook))
      .flatMap((name): RoadTable[] => {
        const chain = chains.find((c) => c.table === name && c.hook === hook);
        if (!chain) return [];
        const visit = visits.flatMap((s) => s.tables).findLast((t) => t.table === name);
        const last = lastHook?.tables.at(-1);
        const stoppedHere =
          stopped && visit !== undefined && visit === last && 'at' in fate && fate.at !== undefined;
        const current = isHere ? here.tables.findLast((t) => t.from <= at) : undefined;
        return [
          {
            name,
            mark: markOf(visit, stoppedHere),
            words: wordsOf(visit),
            active: chain.active,
            here: current?.table === name,
          },
        ];
      });
    const nat = visits.flatMap((s) => s.nat);
    return {
      hook,
      // In the order in which the kernel asks them.
      tables: inKernelOrder(hook, tables),
      passed: visits.length > 0,
      here: isHere,
      rewriting:
        nat.length === 0 ? undefined : nat.map((n) => rewritingWords(n.before, n.after, n.manip)).join(', '),
    };
  };

  const byHook = Object.fromEntries(hooks.map((h) => [h, roadHook(h)])) as Record<Hook, RoadHook>;
  const edges = new Set<RoadEdge>();
  const startsHere = trace.entry.kind === 'local';
  if (startsHere) edges.add('from-process');
  else edges.add('in');
  let previous: Hook | undefined;
  for (const stretch of stretches) {
    if (stretch.kind === 'route' && previous === 'PREROUTING') edges.add('routing');
    if (stretch.kind === 'loopback') edges.add('out').add('in');
    if (stretch.kind !== 'hook') continue;
    if (stretch.hook === 'INPUT') edges.add('to-input').add('routing');
    if (stretch.hook === 'FORWARD') edges.add('to-forward').add('routing');
    if (stretch.hook === 'POSTROUTING')
      edges.add(previous === 'FORWARD' ? 'forward-to-postrouting' : 'output-to-postrouting');
    previous = stretch.hook;
  }
  if (fate.kind === 'local') edges.add('to-process');
  if (fate.kind === 'forward' || fate.kind === 'sent') edges.add('out');

  const route = stretches.findLast((s) => s.kind === 'route');
  const entry = trace.entry.kind === 'arrives' ? trace.entry.inInterface : '';
  const out = 'outInterface' in fate && fate.outInterface !== undefined ? fate.outInterface : '';
  const { word, tone } = fateWords(fate);
  return {
    hooks: byHook,
    edges,
    inInterface: entry !== '' ? entry : trace.viaLoopback ? 'lo' : '',
    outInterface: out !== '' ? out : (route?.decision.outInterface ?? ''),
    routing: route && routeText[route.decision.kind],
    hereRouting: here?.kind === 'route' && !atEnd,
    atEnd,
    startsHere,
    endsHere: fate.kind === 'local',
    viaLoopback: trace.viaLoopback,
    fate: { word, tone },
  };
}

/** Destination NAT stands before the filter in OUTPUT, source NAT behind it in INPUT; all others follow the table list. */
function inKernelOrder(hook: Hook, tables: readonly RoadTable[]): readonly RoadTable[] {
  const order: readonly TableName[] =
    hook === 'INPUT'
      ? ['mangle', 'filter', 'security', 'nat']
      : ['raw', 'mangle', 'nat', 'filter', 'security'];
  return [...tables].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}
