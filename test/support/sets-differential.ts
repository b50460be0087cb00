/**
 * Engine and packet sets on the same random rulesets: every way that the engine finds for a packet lies in the sets,
 * and no packet fares otherwise than was thought certain. Packets are drawn at random, sent twice, answered, and taken
 * out of the sets themselves: out of each fate, and out of what the steered rules take.
 */

import fc from 'fast-check';
import { atEntry, fatesOf } from '../../src/analysis/fates.ts';
import type { RoadName } from '../../src/analysis/road.ts';
import { witnessWords } from '../../src/analysis/witness-words.ts';
import type { JsonObject } from '../../src/context/json.ts';
import {
  type CasePacket,
  entryOf,
  familyOf,
  type KernelCase,
  machineOf,
  readPacket,
} from '../../src/dev/conform-case.ts';
import { explore } from '../../src/engine/explore.ts';
import { compile, emptyState, type Program } from '../../src/engine/simulate.ts';
import { asFirstSeen } from '../../src/expression/first-seen.ts';
import { packetFromExpression } from '../../src/expression/packet-expression.ts';
import type { Registry } from '../../src/extensions/registry.ts';
import { readMachine } from '../../src/link/read-machine.ts';
import type { Packet } from '../../src/model/packet.ts';
import type { Ruleset } from '../../src/model/ruleset.ts';
import type { EntryPoint, RuleRef, Trace } from '../../src/model/trace.ts';
import { addressText } from '../../src/net/address-text.ts';
import type { PacketSet } from '../../src/packetset/space.ts';
import { findWitness } from '../../src/packetset/witness.ts';
import { ordinaryAnswer } from '../../src/trace/ordinary-answer.ts';
import { entryOfAnswer, tapeAfter } from '../../src/trace/reply.ts';
import { lawBook } from './analysis-law.ts';
import { steeredKernelCase } from './arbitrary-kernel-cases.ts';
import type { TextRule } from './arbitrary-kernel-rules.ts';
import type { RecordJob } from './kernel-record.ts';

/** What is told of the machine: nothing, its interfaces, or its routes, too. */
export type Told = 'nothing' | 'interfaces' | 'routes';

/** A case that can be judged again: everything that was drawn. */
export interface SetsCase {
  readonly family: 4 | 6;
  readonly ruleset: string;
  readonly told: Told;
  readonly host: RecordJob['host'];
  readonly ipsets?: string | undefined;
  readonly packets: readonly CasePacket[];
}

/** What was compared. */
export interface SetsCounts {
  /** Ways of packets that were looked up in the sets. */
  ways: number;
  /** Packets that were taken out of sets. */
  fromSets: number;
  /** Those of them that the engine leads where their set says, under some answers to what is not known. */
  reached: number;
  /** Ways of whose end sets do not speak. */
  passedOver: number;
  /** Ways whose sets ran out of nodes. */
  undecided: number;
}

/** Counts of nothing. */
export function noCounts(): SetsCounts {
  return { ways: 0, fromSets: 0, reached: 0, passedOver: 0, undecided: 0 };
}

/** Most rules of a case whose sets are sampled, from the first of each chain on: the steered ones stand there. */
const sampledRules = 6;
/** Most packets of a case that are drawn at random. */
const randomPackets = 4;
/** Walks of one packet. */
const forks = 24;

/** The last address of an IPv4 subnet. */
function broadcastOf(text: string): string {
  const [address = '', length = ''] = text.split('/');
  const number = address.split('.').reduce((n, byte) => n * 256 + Number(byte), 0);
  const last = (number | (0xffffffff >>> Number(length))) >>> 0;
  return [24, 16, 8, 0].map((shift) => (last >>> shift) & 255).join('.');
}

/** The routes that the kernel makes of addresses, and those that were added by hand. */
function routesJson({ interfaces, routes }: RecordJob['host'], family: 4 | 6): JsonObject[] {
  const own = interfaces.flatMap(({ name, addresses }) =>
    addresses.flatMap((text): JsonObject[] => {
      const [address = ''] = text.split('/');
      return [
        { dst: text, dev: name, scope: 'link', prefsrc: address },
        { type: 'local', dst: address, dev: name, table: 'local', scope: 'host', prefsrc: address },
        ...(address.includes(':') || text.endsWith('/32')
          ? []
          : [{ type: 'broadcast', dst: broadcastOf(text), dev: name, table: 'local', scope: 'link' }]),
      ];
    }),
  );
  const groups: JsonObject[] =
    family === 4
      ? []
      : interfaces.map(({ name }) => ({ type: 'multicast', dst: 'ff00::/8', dev: name, table: 'local' }));
  const loopback: JsonObject = {
    type: 'local',
    dst: family === 4 ? '127.0.0.0/8' : '::1',
    dev: 'lo',
    table: 'local',
  };
  const added = routes.map((text): JsonObject => {
    const [first = '', ...rest] = text.split(' ');
    const typed = /^[a-z]/.test(first) && first !== 'default';
    const words = typed ? rest : [first, ...rest];
    const after = (word: string): string | undefined => words[words.indexOf(word) + 1];
    return {
      dst: words[0] ?? '',
      ...(typed ? { type: first } : {}),
      ...(words.includes('via') ? { gateway: after('via') ?? '' } : {}),
      ...(words.includes('dev') ? { dev: after('dev') ?? '' } : {}),
      ...(words.includes('table') ? { table: after('table') ?? '' } : {}),
    };
  });
  return [...own, loopback, ...groups, ...added];
}

const policyRules: JsonObject[] = ['local', 'main', 'default'].map((table, i) => ({
  priority: [0, 32766, 32767][i] ?? 0,
  src: 'all',
  table,
}));

const placeOf = ({ table, chain, number }: Pick<RuleRef, 'table' | 'chain' | 'number'>): string =>
  `${table}/${chain}#${number}`;

interface Loaded {
  readonly ruleset: Ruleset;
  readonly program: Program;
}

function load(c: SetsCase, registry: Registry): Loaded | undefined {
  const routed = c.told === 'routes';
  const kernelCase = {
    ...c,
    host: {
      ...c.host,
      routes_json: routed ? routesJson(c.host, c.family) : [],
      rules_json: routed ? policyRules : [],
    },
  } as unknown as KernelCase;
  const read = readMachine([{ name: 'drawn', text: c.ruleset }], { registry, family: familyOf(kernelCase) });
  const ruleset = read.rulesets[0]?.linked.ruleset;
  if (ruleset === undefined) return undefined;
  const told = machineOf(kernelCase);
  const { routes, policyRules: choices } = read.machine;
  // A machine without a route does not exist; one whose routes nobody told does.
  const machine =
    c.told === 'nothing' ? read.machine : routed ? told : { ...told, routes, policyRules: choices };
  return { ruleset, program: compile([ruleset], machine, registry) };
}

type Branch = ReturnType<typeof explore>['branches'][number];

/** Whether a packet that was said to leave by `lo` was routed again, and led there by that word once more. */
const bySameHint = ({ entry, events }: Trace): boolean =>
  entry.hints?.outInterface === 'lo' &&
  events.some((e) => e.kind === 'route' && e.purpose === 'reroute' && e.decision.type !== 'local');

/** What one answer of a tape says about the lists that a rule asks: it speaks for all its conditions at once. */
function listsOf({
  tables,
}: Ruleset): ReadonlyMap<string, readonly { readonly list: string; readonly held: boolean }[]> {
  const found = new Map<string, { readonly list: string; readonly held: boolean }[]>();
  for (const table of tables)
    for (const chain of table.chains)
      for (const [i, { matches }] of chain.rules.entries()) {
        const uses = matches.filter((use) => use.extension === 'set');
        const asked = uses.map(({ text }) => ({
          list: text.replaceAll('! ', ''),
          held: !text.includes('! '),
        }));
        if (asked.length > 0) found.set(`rule:${table.name}/${chain.name}/${i + 1}`, asked);
      }
  return found;
}

/** What the sets say wrongly about the packets of a case; empty: nothing. */
export function setsBreaches(c: SetsCase, registry: Registry, counts: SetsCounts): readonly string[] {
  const loaded = load(c, registry);
  if (loaded === undefined) return [];
  const { ruleset, program } = loaded;
  const book = lawBook(ruleset, program, registry);
  const found: string[] = [];
  const lists = listsOf(ruleset);
  /** Whether the answers can all be true of one packet, and none of them is a word that was meant for another address. */
  const possible = ({ trace, assumptions }: Branch): boolean => {
    const known = new Map<string, boolean>();
    for (const { key, answer } of assumptions) {
      const asked = lists.get(key) ?? [];
      if (answer === 'no' && asked.length > 1) continue;
      for (const { list, held } of asked) {
        const inside = held === (answer === 'yes');
        if (known.get(list) === !inside) return false;
        known.set(list, inside);
      }
    }
    return !bySameHint(trace);
  };

  // At random: each packet, the same once more, and what would be answered, with what is remembered carried on.
  let state = emptyState();
  let tape: Readonly<Record<string, string>> = {};
  const send = (name: string, packet: Packet, entry: EntryPoint): ReturnType<typeof explore>['branches'] => {
    const branches = explore(program, state, packet, entry, undefined, tape, { forks }).branches.filter(
      possible,
    );
    counts.ways += branches.length;
    for (const { trace, assumptions } of branches) {
      const given = [
        ...Object.entries(tape).map(([k, v]) => `${k}=${v}`),
        ...assumptions.map((a) => `${a.key}=${a.answer}`),
      ];
      for (const breach of book.breaches(trace, state))
        found.push(`${name} (${given.join(', ')}): ${breach}`);
    }
    return branches;
  };
  for (const [i, p] of c.packets.entries()) {
    const packet = readPacket(p, ruleset.family, program.machine);
    const [way] = send(`packet ${i}`, packet, entryOf(p));
    if (way === undefined) continue;
    state = way.state;
    tape = tapeAfter(tape, way);
    const [again] = send(`packet ${i} again`, packet, entryOf(p));
    if (again !== undefined) state = again.state;
    const entry = entryOfAnswer(way.trace);
    const { fate } = way.trace;
    const end =
      fate.kind === 'local' || fate.kind === 'forward' || fate.kind === 'sent' ? fate.packet : undefined;
    const answered = end && ordinaryAnswer(end);
    // Whose it is would be asked.
    const answer =
      typeof answered === 'object' && entry?.kind === 'local' ? { ...answered, uid: 0, gid: 0 } : answered;
    if (entry === undefined || answer === undefined || typeof answer === 'string') continue;
    // Where the machine's interfaces are known, they say where it goes, and not the way that the question came.
    const hints = c.told === 'nothing' ? entry.hints : undefined;
    const from: EntryPoint = entry.kind === 'local' ? { kind: 'local', ...(hints ? { hints } : {}) } : entry;
    const [back] = send(`answer to packet ${i}`, answer, from);
    if (back !== undefined) state = back.state;
  }

  // Out of the sets.
  const { vocabulary, side } = book.analysis;
  const { space } = vocabulary;
  const known = [...side.facts.interfaces.keys()];
  const interfaceNames = (known.length > 0 ? known : program.namedInterfaces).filter((n) => n !== 'lo');
  // A packet of a connection needs what was sent before it.
  const ofConnections = space.codec.fields.has('ctState')
    ? space.union([space.named('ctState', 'ESTABLISHED'), space.named('ctState', 'RELATED')])
    : space.none;
  const sample = (
    name: string,
    road: RoadName,
    set: PacketSet,
    ends: (fate: string, rules: readonly string[]) => boolean,
  ): void => {
    const witness = findWitness(space, space.diff(set, ofConnections), { interfaceNames });
    if (witness === undefined) return;
    const words = witnessWords(vocabulary, witness, road, side.switches.conntrack);
    const made = packetFromExpression(words, {
      registry,
      machine: program.machine,
      family: ruleset.family,
      backend: ruleset.backend,
      local: road === 'local',
      pick: true,
      mentionedInterfaces: interfaceNames,
    });
    if (!made.ok) return;
    // What is taken for granted of its addresses is no matter where interfaces tell.
    const { request, tape: first } =
      c.told === 'nothing' ? asFirstSeen(made.request, {}) : { request: made.request, tape: {} };
    // A process with a raw socket may send whatever it likes, but for nobody's address: the kernel puts one in.
    if (road === 'local' && addressText(request.packet.src) === '0.0.0.0') return;
    // What is taken for granted of the one end contradicts what is taken for granted of the other.
    if (addressText(request.packet.src) === addressText(request.packet.dst)) return;
    // Where interfaces tell, they say where it goes.
    const { hints } = request.entry;
    const entry: EntryPoint =
      request.entry.kind === 'arrives'
        ? request.entry
        : { kind: 'local', rawSocket: true, ...(c.told === 'nothing' && hints ? { hints } : {}) };
    const unlike = `local:${addressText(request.packet.dst)}=no`;
    const branches = explore(program, emptyState(), request.packet, entry, undefined, first, {
      forks,
    }).branches.filter(possible);
    counts.ways += branches.length;
    counts.fromSets++;
    let reached = false;
    for (const { trace, assumptions } of branches) {
      // Out by lo goes what is for this machine.
      if (hints?.outInterface === 'lo' && assumptions.some((a) => `${a.key}=${a.answer}` === unlike))
        continue;
      const rules = trace.events.flatMap((e) => (e.kind === 'rule' ? [placeOf(e.rule)] : []));
      reached ||= ends(trace.fate.kind, rules);
      for (const breach of book.breaches(trace, emptyState()))
        found.push(
          `${name}: ${words.join(' ')} (${assumptions.map((a) => `${a.key}=${a.answer}`).join(', ')}): ${breach}`,
        );
    }
    if (reached) counts.reached++;
  };
  for (const road of ['arrive', 'local'] as const) {
    const way = book.analysis.road(road);
    for (const [fate, { may, must }] of fatesOf(vocabulary, way)) {
      const ends = (kind: string): boolean =>
        kind === fate ||
        (fate === 'route-drop' && kind === 'send-error') ||
        (fate === 'drop' && kind === 'hook-drop');
      sample(`${road}, certainly ${fate}`, road, must, ends);
      sample(`${road}, perhaps ${fate}`, road, space.diff(may, must), ends);
    }
    const rules = ruleset.tables.flatMap((t) =>
      t.chains.flatMap((chain) =>
        chain.rules.slice(0, 3).map((rule, i) => ({ table: t.name, chain: chain.name, number: i + 1, rule })),
      ),
    );
    for (const { rule, ...at } of rules.slice(0, sampledRules)) {
      const visits = way.visits.filter((v) => v.table === at.table);
      const set = space.union(visits.map((v) => space.may(atEntry(vocabulary, v.taking(rule), way))));
      sample(`${road}, taken by ${placeOf(at)}`, road, set, (_, taken) => taken.includes(placeOf(at)));
    }
  }
  counts.passedOver += book.counts.passedOver;
  counts.undecided += book.counts.undecided;
  return [...new Set(found)];
}

/** Case `index` of a seed, with rules that bring wanted extensions into it. */
export function drawSetsCase(
  seed: number,
  index: number,
  family: 4 | 6,
  rules: readonly TextRule[],
): SetsCase {
  const [job] = fc.sample(steeredKernelCase({ family, rules }), {
    numRuns: 1,
    seed: Math.imul(seed, 31) + index,
  });
  if (job === undefined) throw new Error('nothing was drawn');
  const told = (['nothing', 'interfaces', 'routes'] as const)[index % 3] ?? 'nothing';
  return {
    family,
    ruleset: job.ruleset,
    told: told === 'routes' && job.host.rules.length > 0 ? 'interfaces' : told,
    host: job.host,
    ipsets: job.ipsets,
    // Answers and errors need what was sent before.
    packets: job.packets
      .filter(
        (p): p is CasePacket => 'src' in p && 'proto' in p && !('reply_to' in p) && !('error_about' in p),
      )
      .slice(0, randomPackets),
  };
}

/** Takes rules, packets and tables away for as long as something is said wrongly. */
export function reduceSetsCase(start: SetsCase, registry: Registry, triesMax = 120): SetsCase {
  let best = start;
  let tries = 0;
  const attempt = (candidate: SetsCase): void => {
    if (tries++ < triesMax && setsBreaches(candidate, registry, noCounts()).length > 0) best = candidate;
  };
  for (let at = best.packets.length - 1; at >= 0; at--)
    attempt({ ...best, packets: best.packets.toSpliced(at, 1) });
  for (let at = best.ruleset.split('\n').length - 1; at >= 0; at--) {
    const lines = best.ruleset.split('\n');
    if (lines[at]?.startsWith('-A ')) attempt({ ...best, ruleset: lines.toSpliced(at, 1).join('\n') });
  }
  for (const table of best.ruleset.match(/^\*\w+\n(?::.*\n)*COMMIT\n/gm) ?? [])
    attempt({ ...best, ruleset: best.ruleset.replace(table, '') });
  return best;
}
