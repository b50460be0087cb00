/**
 * What engine and analysis must agree on: each packet that the engine walks lies in the set of the fate that it met,
 * in no other fate's certain set, and in the sets of all rules that matched it.
 */

import { type Analysis, analyse } from '../../src/analysis/analysis.ts';
import { atEntry, type Fates, fatesOf } from '../../src/analysis/fates.ts';
import type { FateKind, RoadName } from '../../src/analysis/road.ts';
import type { Program } from '../../src/engine/program.ts';
import type { SimulationState } from '../../src/engine/state.ts';
import type { Registry } from '../../src/extensions/registry.ts';
import { type Connection, ctStatusBit } from '../../src/model/connection.ts';
import { lacksHeader } from '../../src/model/layer4-header.ts';
import type { CtState } from '../../src/model/netfilter.ts';
import type { Packet } from '../../src/model/packet.ts';
import type { Ruleset } from '../../src/model/ruleset.ts';
import type { Trace, TraceEvent } from '../../src/model/trace.ts';
import type { PacketView } from '../../src/packetset/packet-view.ts';
import type { PacketSet } from '../../src/packetset/space.ts';

/** Answers for one ruleset, made once and asked for many packets. */
export interface LawBook {
  readonly analysis: Analysis;
  /** What the trace of a packet breaks; empty: nothing. `before` is the state that the packet met. */
  breaches(trace: Trace, before: SimulationState): readonly string[];
  /** Packets that were looked at, and those passed over because sets do not speak of their end. */
  readonly counts: { judged: number; passedOver: number; undecided: number };
}

/** Ends that sets leave out: sources that IPv6 never forwards, age and size of packets, queues of fragments, exhausted tuples, frames for others. */
const leftOut: readonly string[] = ['ttl-exceeded', 'too-big', 'scope', 'layer2-broadcast', 'bad-options'];

function fateOf(trace: Trace): FateKind | undefined {
  const { fate } = trace;
  switch (fate.kind) {
    case 'local':
    case 'forward':
    case 'sent':
    case 'drop':
    case 'reject':
    case 'queue':
    case 'stolen':
      return fate.kind;
    case 'route-drop':
      if (trace.packet.family === 'ipv6' && fate.reason === 'martian-source') return undefined;
      return leftOut.includes(fate.reason) ? undefined : 'route-drop';
    case 'send-error':
      return leftOut.includes(fate.reason) || fate.reason === 'martian-source' ? undefined : 'route-drop';
    default:
      return undefined;
  }
}

function connectionOf(
  event: Extract<TraceEvent, { kind: 'conntrack' }> | undefined,
  before: SimulationState,
): PacketView['connection'] {
  if (
    event === undefined ||
    event.entry === undefined ||
    event.original === undefined ||
    event.reply === undefined
  )
    return { state: event?.state ?? 'INVALID', direction: event?.direction ?? 'original', entry: undefined };
  const known = before.entries.get(String(event.entry));
  const entry: Connection = {
    original: event.original,
    reply: event.reply,
    status: event.created ? 0 : event.status & ~ctStatusBit.DYING,
    mark: known?.mark ?? 0,
    zone: known?.zone ?? 0,
    helper: known?.helper,
    labels: known?.labels ?? [],
    packets: { original: 0, reply: 0 },
    bytes: { original: 0, reply: 0 },
    expiresMs: 0,
    master: known?.master,
  };
  return { state: event.state, direction: event.direction, entry };
}

/** The packet as sets see it at the beginning of its road: once for each state that conntrack might have given it. */
function viewsOf(trace: Trace, before: SimulationState): readonly PacketView[] {
  const first = trace.events.find((e) => e.kind === 'hook');
  const tracked = trace.events.find((e) => e.kind === 'conntrack');
  // Put together before the first hook; what INPUT puts together was in pieces on its way there.
  const opening = trace.events.slice(
    0,
    Math.max(
      0,
      trace.events.findIndex((e) => e.kind === 'hook'),
    ),
  );
  const whole = opening.findLast((e) => e.kind === 'fragment');
  const came: Packet = whole?.packet ?? trace.packet;
  // A frame for others comes to no hook but by a bridge, and br_netfilter shows it as one for the bridge.
  const packet: Packet = came.packetType === 'otherhost' ? { ...came, packetType: 'unicast' } : came;
  const connection = connectionOf(tracked, before);
  const base = {
    packet,
    inInterface: first?.kind === 'hook' ? first.inInterface : undefined,
    outInterface: first?.kind === 'hook' ? first.outInterface : undefined,
  };
  if (connection.state !== 'UNTRACKED' && tracked !== undefined) return [{ ...base, connection }];
  // Untracked by a rule, or dropped before conntrack looked: any state may have been meant.
  const states: readonly CtState[] = ['NEW', 'INVALID', 'UNTRACKED'];
  return states.map((state) => ({
    ...base,
    connection: { state, direction: 'original', entry: undefined },
  }));
}

/** Prepares the answers of one ruleset. */
export function lawBook(ruleset: Ruleset, program: Program, registry: Registry): LawBook {
  const analysis = analyse({ ruleset, machine: program.machine, registry, program, nodesMax: 2 ** 22 });
  const { vocabulary } = analysis;
  const { space } = vocabulary;
  const fates = new Map<RoadName, Fates>();
  const counts = { judged: 0, passedOver: 0, undecided: 0 };
  const fatesFor = (name: RoadName): Fates => {
    let f = fates.get(name);
    if (f === undefined) {
      f = fatesOf(vocabulary, analysis.road(name));
      fates.set(name, f);
    }
    return f;
  };
  const taken = new Map<string, PacketSet>();
  const takenBy = (name: RoadName, table: string, chain: string, index: number): PacketSet => {
    const key = `${name} ${table} ${chain} ${index}`;
    let set = taken.get(key);
    if (set === undefined) {
      const rule = ruleset.tables.find((t) => t.name === table)?.chains.find((c) => c.name === chain)?.rules[
        index
      ];
      set = rule
        ? space.union(
            analysis
              .road(name)
              .visits.filter((v) => v.table === table)
              .map((v) => space.may(atEntry(vocabulary, v.taking(rule), analysis.road(name)))),
          )
        : space.none;
      taken.set(key, set);
    }
    return set;
  };

  return {
    analysis,
    counts,
    breaches: (trace, before) => {
      const fate = fateOf(trace);
      const name: RoadName = trace.entry.kind === 'arrives' ? 'arrive' : 'local';
      const views = viewsOf(trace, before);
      // A set that ran out of nodes says nothing.
      const inside = (set: PacketSet): boolean =>
        !space.isDecided(set) || views.some((v) => space.contains(set, v));
      const found: string[] = [];
      // Pieces, what no hook saw, what a process was not allowed to send, what AH hides, and headers that are cut: sets
      // speak of none of these.
      const { packet } = views[0] as PacketView;
      // Nor of pieces that INPUT puts together, where nobody asks for fragments.
      const firstHook = trace.events.findIndex((e) => e.kind === 'hook');
      const inInput = trace.events.some((e, i) => e.kind === 'fragment' && i > firstHook);
      if (
        trace.packet.extensionHeaders.some((h) => h.protocol === 51) ||
        (lacksHeader(packet) && packet.fragmentOffsetBytes === 0) ||
        (inInput && !space.codec.fields.has('fragmentKind')) ||
        trace.events.some((e) => e.kind === 'fragment' && !e.complete) ||
        !trace.events.some((e) => e.kind === 'hook')
      ) {
        counts.passedOver++;
        return found;
      }
      if (!inside(space.may(atEntry(vocabulary, analysis.road(name).entering, analysis.road(name)))))
        found.push(`not among the packets of its road (${trace.fate.kind})`);
      if (fate === undefined) counts.passedOver++;
      else {
        counts.judged++;
        const all = fatesFor(name);
        if ([...all.values()].some(({ may }) => !space.isDecided(may))) {
          counts.judged--;
          counts.undecided++;
        }
        if (!inside(all.get(fate)?.may ?? space.none)) found.push(`its fate ${fate} is not thought possible`);
        for (const [other, { must }] of all)
          if (other !== fate && views.every((v) => space.contains(must, v)))
            found.push(`its fate is ${fate}, and ${other} was thought certain`);
      }
      // Until it is put together, a rule of nf_tables takes the data of a later piece for ports: see docs/exactness.md.
      let guessed = packet.fragmentOffsetBytes > 0 && ruleset.backend !== 'legacy';
      for (const e of trace.events) {
        if (e.kind === 'fragment') guessed = false;
        if (e.kind !== 'rule' || guessed) continue;
        if (!inside(takenBy(name, e.rule.table, e.rule.chain, e.rule.number - 1)))
          found.push(`rule ${e.rule.table}/${e.rule.chain}#${e.rule.number} took it, and was thought not to`);
      }
      return found;
    },
  };
}
