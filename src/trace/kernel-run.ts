/**
 * What the running kernel did with a packet, and whether the simulator says the same. Who sends the packet and reads
 * the kernel's trace is no business of this file.
 */

import type { Branch } from '../engine/explore.ts';
import type { CtDirection, CtState, Hook } from '../model/netfilter.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import type { Assumption, Fate, RuleRef, Trace } from '../model/trace.ts';
import { type Address, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';

/** A rule that matched, or a policy that spoke. */
export interface WayRecord {
  readonly table: string;
  readonly chain: string;
  /** Number of the rule in its chain, from 1; undefined: the chain's policy. */
  readonly number: number | undefined;
  readonly verdict: string;
  /** Chain of a jump or goto. */
  readonly to: string | undefined;
  /** The packet's mark afterwards. */
  readonly mark: number;
}

/** How a way ended: the kinds of {@link Fate} that a kernel can show. */
export type WayEnd = Exclude<Fate['kind'], 'undecided' | 'exhausted'>;

/** The way of one packet in the words that both the simulator and a kernel have. */
export interface PacketWay {
  readonly records: readonly WayRecord[];
  readonly end: WayEnd;
  /** For `route-drop`, `hook-drop` and `lost`: the hook that it was in or had passed last. */
  readonly after: Hook | undefined;
  /** For `reject`: what it says to the sender. */
  readonly rejectWith: string | undefined;
  /** Interface by which it left. */
  readonly outInterface: string | undefined;
  /** As it was delivered or left; of several fragments the first. */
  readonly packet: Packet | undefined;
  /** What conntrack called it; undefined: not told. */
  readonly ctState: CtState | undefined;
  readonly direction: CtDirection | undefined;
  /** Name of the error that a local sender got. */
  readonly errno: string | undefined;
}

/** One packet sent through one machine. */
export interface KernelRun {
  /** Answers that the machine was built by: addresses, ways out, forwarding. */
  readonly assumptions: readonly Assumption[];
  /** Addresses that the machine was given because nobody told its own: where one shows, addresses are not compared. */
  readonly inventedAddresses: readonly Address[];
  /** What the context lacks and the machine was given, in words. */
  readonly invented: readonly string[];
  /** What of the context or the rules this kernel refused, in words. */
  readonly leftOut: readonly string[];
  readonly main: PacketWay;
  /** Packets that the kernel made because of it: of REJECT, ICMP errors, TEE. */
  readonly generated: readonly PacketWay[];
}

/** What was sent, and to which kernel. */
export interface KernelAnswer {
  /** `Linux 6.1.0`. */
  readonly kernel: string;
  /** The program that loaded the rules. */
  readonly loader: string;
  readonly runs: readonly KernelRun[];
  /** Machines that the walks know of and that were not built, there being too many. */
  readonly notBuilt: number;
}

/** What is compared of a packet that came out. */
export type ComparedField =
  | 'interface'
  | 'source'
  | 'destination'
  | 'TTL'
  | 'TOS'
  | 'length'
  | 'mark'
  | 'flags'
  | 'type';

/** A thing that the two say differently. */
export interface WayDifference {
  readonly what: 'end' | 'rules' | 'state' | 'errno' | 'answers' | ComparedField;
  readonly ours: string;
  readonly kernels: string;
}

/** A row of two traces side by side: both have it, or one. */
export interface ComparedRow {
  readonly ours: WayRecord | undefined;
  readonly kernels: WayRecord | undefined;
}

/** A run beside the way of the simulator that is nearest to it. */
export interface RunComparison {
  readonly run: KernelRun;
  /** Undefined where the simulator reached no end on such a machine. */
  readonly branch: Branch | undefined;
  readonly rows: readonly ComparedRow[];
  /** Places of rules that only log and that the packet does not decide: whether they matched is not compared. */
  readonly free: ReadonlySet<string>;
  /** Empty: the two agree. */
  readonly differences: readonly WayDifference[];
}

/** What the kernel did, beside what the simulator says. */
export interface KernelComparison {
  readonly answer: KernelAnswer;
  readonly runs: readonly RunComparison[];
  /** Nothing differs in any run. */
  readonly agrees: boolean;
}

/** Holds all runs beside the ways of the simulator. */
export function compareKernel(answer: KernelAnswer, branches: readonly Branch[]): KernelComparison {
  const runs = answer.runs.map((run) => compareRun(run, branches));
  return { answer, runs, agrees: runs.every((r) => r.differences.length === 0) };
}

/** Questions that building a machine answers. */
function isBuilt({ key }: Assumption): boolean {
  return key === 'forwarding' || key.startsWith('local:') || key.startsWith('out:');
}

/** The simulator's way in the words of both. */
export function wayOfTrace(trace: Trace): PacketWay {
  const { fate, events } = trace;
  const records: WayRecord[] = [];
  for (const event of events) {
    if (event.kind === 'rule') {
      const { table, chain, number } = event.rule;
      records.push({ table, chain, number, verdict: event.outcome, to: event.to, mark: event.mark });
    } else if (event.kind === 'policy') {
      const { table, chain, verdict, mark } = event;
      records.push({ table, chain, number: undefined, verdict, to: undefined, mark });
    }
  }
  const hooks = events.flatMap((e) => (e.kind === 'hook' ? [e.hook] : []));
  const left = fate.kind === 'forward' || fate.kind === 'sent';
  const end = fate.kind === 'undecided' || fate.kind === 'exhausted' ? 'lost' : fate.kind;
  const seen = events.findLast((e) => e.kind === 'conntrack');
  return {
    records,
    end,
    after: hooks.at(-1),
    rejectWith: fate.kind === 'reject' ? fate.with : undefined,
    outInterface: left ? fate.outInterface : undefined,
    packet: left ? (fate.fragments?.[0] ?? fate.packet) : fate.kind === 'local' ? fate.packet : undefined,
    ctState: seen?.kind === 'conntrack' ? (trace.connection?.state ?? seen.state) : undefined,
    direction: seen?.kind === 'conntrack' && seen.entry !== undefined ? seen.direction : undefined,
    errno: trace.errno,
  };
}

/** The packets that the simulator's kernel made because of this one, in order. */
export function generatedBy(trace: Trace): readonly Trace[] {
  return trace.events.flatMap((e) => (e.kind === 'generated' ? [e.trace, ...generatedBy(e.trace)] : []));
}

/** Whether two records say the same. */
function sameRecord(a: WayRecord, b: WayRecord): boolean {
  return (
    a.table === b.table &&
    a.chain === b.chain &&
    a.number === b.number &&
    a.verdict === b.verdict &&
    a.to === b.to &&
    a.mark === b.mark
  );
}

/** More records than this are not aligned beyond their common beginning. */
const alignedMax = 2000;

/** Both lists in one, the records that they share side by side: a longest common subsequence. */
function alignRecords(ours: readonly WayRecord[], kernels: readonly WayRecord[]): readonly ComparedRow[] {
  const rows: ComparedRow[] = [];
  let start = 0;
  for (const [index, record] of ours.entries()) {
    const other = kernels[index];
    if (other === undefined || !sameRecord(record, other)) break;
    rows.push({ ours: record, kernels: other });
    start++;
  }
  const a = ours.slice(start);
  const b = kernels.slice(start);
  const aligned = a.length * b.length <= alignedMax ** 2 && a.length > 0 && b.length > 0;
  const width = b.length + 1;
  const lengths = new Uint32Array(aligned ? (a.length + 1) * width : 0);
  if (aligned)
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        lengths[i * width + j] = sameRecord(a[i] as WayRecord, b[j] as WayRecord)
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const mine = a[i];
    const other = b[j];
    if (aligned && mine && other && sameRecord(mine, other)) {
      rows.push({ ours: mine, kernels: other });
      i++;
      j++;
    } else if (
      mine &&
      (other === undefined || (lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0))
    ) {
      rows.push({ ours: mine, kernels: undefined });
      i++;
    } else {
      rows.push({ ours: undefined, kernels: other });
      j++;
    }
  }
  return rows;
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`, or the address alone. */
function endpointText(address: Packet['src'], port: number | undefined): string {
  const text = addressText(address);
  if (port === undefined) return text;
  return address.family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
}

function flagText(bits: number): string {
  const names = Object.entries(tcpFlag).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : [name]));
  return names.join(',') || 'none';
}

/** What is compared of a packet, as texts. */
export function comparedFields(packet: Packet): Partial<Record<ComparedField, string>> {
  return {
    source: endpointText(packet.src, packet.sport),
    destination: endpointText(packet.dst, packet.dport),
    TTL: String(packet.ttl),
    TOS: `0x${packet.tos.toString(16).padStart(2, '0')}`,
    length: `${packet.lengthBytes} bytes`,
    mark: `0x${packet.mark.toString(16)}`,
    ...(packet.protocol === 6 ? { flags: flagText(packet.tcpFlags) } : {}),
    ...(packet.icmpType === undefined ? {} : { type: `${packet.icmpType}/${packet.icmpCode ?? 0}` }),
  };
}

/** The end in a few words. */
export function endText(way: PacketWay): string {
  const words: Readonly<Record<WayEnd, string>> = {
    local: 'delivered to this machine',
    forward: 'forwarded',
    sent: 'sent',
    drop: 'dropped',
    reject: 'rejected',
    queue: 'handed to user space',
    stolen: 'swallowed',
    'route-drop': 'dropped by routing',
    'ingress-drop': 'dropped before PREROUTING',
    queued: 'a fragment that waits for the rest',
    'hook-drop': 'dropped by the kernel',
    lost: 'not seen to leave',
    'send-error': 'not sent',
  };
  const last = way.records.at(-1);
  const byRule = way.end === 'drop' || way.end === 'reject' || way.end === 'queue' || way.end === 'stolen';
  const at = last && byRule ? ` by ${recordPlace(last)}` : '';
  const out = way.outInterface === undefined ? '' : ` by ${way.outInterface}`;
  const inHook = way.end === 'hook-drop' && way.after !== undefined ? ` in ${way.after}` : '';
  const after = way.end === 'route-drop' && way.after !== undefined ? ` after ${way.after}` : '';
  const reject = way.rejectWith === undefined ? '' : ` with ${way.rejectWith}`;
  return `${words[way.end]}${reject}${out}${at}${inHook}${after}`;
}

/** `filter INPUT #3` or `policy of filter INPUT`. */
export function recordPlace(record: WayRecord): string {
  const { table, chain, number } = record;
  return number === undefined ? `policy of ${table} ${chain}` : placeText({ table, chain, number });
}

function placeText({ table, chain, number }: Pick<RuleRef, 'table' | 'chain' | 'number'>): string {
  return `${table} ${chain} #${number}`;
}

/** What is not compared. */
interface Exempt {
  /** Addresses that the kernel's packet may show without meaning. */
  readonly addresses: readonly Address[];
  /** Places of rules, by {@link recordPlace}. */
  readonly rules: ReadonlySet<string>;
}

/** What two ways say differently; empty: nothing. */
function compareWays(said: PacketWay, done: PacketWay, exempt: Exempt): readonly WayDifference[] {
  const compared = (way: PacketWay): PacketWay => ({
    ...way,
    records: way.records.filter((r) => r.verdict !== 'continue' || !exempt.rules.has(recordPlace(r))),
  });
  const ours = compared(said);
  const kernels = compared(done);
  const differences: WayDifference[] = [];
  const differ = (what: WayDifference['what'], a: string, b: string): void => {
    if (a !== b) differences.push({ what, ours: a, kernels: b });
  };
  const index = ours.records.findIndex((record, i) => {
    const other = kernels.records[i];
    return other === undefined || !sameRecord(record, other);
  });
  const at = index < 0 ? ours.records.length : index;
  const describe = (record: WayRecord | undefined): string =>
    record === undefined
      ? 'nothing more'
      : `${recordPlace(record)}: ${record.verdict}${record.to === undefined ? '' : ` ${record.to}`}, mark 0x${record.mark.toString(16)}`;
  if (index >= 0 || kernels.records.length > ours.records.length)
    differ('rules', describe(ours.records[at]), describe(kernels.records[at]));
  differ('end', endText(ours), endText(kernels));
  if (ours.packet && kernels.packet) {
    // Of a delivered IPv6 fragment the kernel's trace tells no ports.
    const { sport, dport } = kernels.packet;
    const mine = comparedFields(
      sport === undefined && kernels.end === 'local' ? { ...ours.packet, sport, dport } : ours.packet,
    );
    const others = comparedFields(kernels.packet);
    const isInvented = (a: Address): boolean => exempt.addresses.some((b) => sameAddress(a, b));
    if (isInvented(kernels.packet.src)) delete others.source;
    if (isInvented(kernels.packet.dst)) delete others.destination;
    for (const field of Object.keys(mine) as ComparedField[]) {
      const other = others[field];
      if (other !== undefined) differ(field, mine[field] ?? '', other);
    }
  }
  if (ours.ctState !== undefined && kernels.ctState !== undefined) {
    const words = (way: PacketWay): string => `${way.ctState}${way.direction === 'reply' ? ', a reply' : ''}`;
    differ('state', words(ours), words(kernels));
  }
  if (ours.errno !== undefined || kernels.errno !== undefined)
    differ('errno', ours.errno ?? 'none', kernels.errno ?? 'none');
  return differences;
}

/** Holds a run beside the branch that fits it best, among those that assume the same of the machine. */
function compareRun(run: KernelRun, branches: readonly Branch[]): RunComparison {
  const built = keyOf(run.assumptions);
  let best: RunComparison | undefined;
  for (const branch of branches) {
    const { fate } = branch.trace;
    if (keyOf(builtBy(branch)) !== built || fate.kind === 'undecided' || fate.kind === 'exhausted') continue;
    const free = freeRules(branch);
    const differences = compareTrace(branch.trace, run, free);
    if (best && best.differences.length <= differences.length) continue;
    const rows = alignRecords(wayOfTrace(branch.trace).records, run.main.records);
    best = { run, branch, rows, free, differences };
  }
  if (best) return best;
  const rows = alignRecords([], run.main.records);
  const differences = [{ what: 'end', ours: 'no way to an end', kernels: endText(run.main) }] as const;
  return { run, branch: undefined, rows, free: new Set(), differences };
}

/** Rules of a way that only log, where the packet does not decide whether they match. */
function freeRules({ immaterial, trace }: Branch): ReadonlySet<string> {
  const keys = new Set(immaterial.map((a) => a.key));
  const places = new Set<string>();
  for (const { events } of [trace, ...generatedBy(trace)])
    for (const event of events)
      if (event.kind === 'assumed' && event.rule && keys.has(event.assumption.key))
        places.add(placeText(event.rule));
  return places;
}

function compareTrace(trace: Trace, run: KernelRun, rules: ReadonlySet<string>): readonly WayDifference[] {
  const exempt: Exempt = { addresses: run.inventedAddresses, rules };
  const differences = [...compareWays(wayOfTrace(trace), run.main, exempt)];
  const ours = generatedBy(trace).map(wayOfTrace);
  const words = (ways: readonly PacketWay[]): string =>
    ways.length === 0 ? 'none' : ways.map(generatedText).join('; ');
  const alike =
    ours.length === run.generated.length &&
    ours.every((way, i) => compareWays(way, run.generated[i] as PacketWay, exempt).length === 0);
  if (!alike) differences.push({ what: 'answers', ours: words(ours), kernels: words(run.generated) });
  return differences;
}

/** A packet that the kernel made, in a line. */
export function generatedText(way: PacketWay): string {
  const fields = way.packet && comparedFields(way.packet);
  const packet = fields ? `${fields.source} -> ${fields.destination}${kindText(fields)}` : 'a packet';
  const rules = way.records.map((r) => `${recordPlace(r)} ${r.verdict}`).join(', ');
  return `${packet}, ${endText(way)}${rules === '' ? '' : ` (${rules})`}`;
}

function kindText({ flags, type }: Readonly<Partial<Record<ComparedField, string>>>): string {
  if (flags !== undefined) return ` ${flags}`;
  return type === undefined ? '' : ` type ${type}`;
}

/** The answers of a branch that building a machine gives. */
export function builtBy(branch: Branch): readonly Assumption[] {
  return branch.assumptions.filter(isBuilt);
}

/** The same for equal lists of answers, whatever their order. */
export function keyOf(assumptions: readonly Assumption[]): string {
  return JSON.stringify(assumptions.map(({ key, answer }) => [key, answer]).sort());
}
