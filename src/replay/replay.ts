/** What becomes of the packets of a capture on one machine, or on it with two rulesets. */

import { readCapture } from '../capture/capture-file.ts';
import { dissectFrame } from '../capture/dissect.ts';
import type { CapturedFrame, CaptureProblem } from '../capture/frame.ts';
import { linkTypeName } from '../capture/link-layer.ts';
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { compile, type Program } from '../engine/simulate.ts';
import type { Tape } from '../engine/tape.ts';
import { packetFromExpression } from '../expression/packet-expression.ts';
import type { Registry } from '../extensions/registry.ts';
import { type ReadMachine, type ReadRuleset, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Backend } from '../model/netfilter.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import type { EntryPoint } from '../model/trace.ts';
import type { Family } from '../net/address.ts';
import type { MacText } from '../net/mac.ts';
import { readAssumptions } from '../trace/assumptions.ts';
import { decidedBy } from '../trace/outcome.ts';
import {
  type Comparison,
  createComparison,
  type Difference,
  type ReplayedPacket,
  type WordFinder,
} from './comparison.ts';
import { createFrameWays, viewMachine, type WayOptions } from './frame-way.ts';
import { createOwnOutput } from './own-output.ts';
import { packetWords } from './packet-words.ts';
import { surveyCapture } from './survey.ts';
import { type Count, createTally, type DeciderCount, type VerdictCount, verdictOf } from './tally.ts';
import { createWalker, fateSignature, type Outcome, type Walker } from './walker.ts';

/** The question. */
export interface ReplayOptions {
  readonly registry: Registry;
  /** The other ruleset of a comparison, with what belongs to the machine. */
  readonly other?: readonly SourceText[];
  /** `KEY=VALUE` each. */
  readonly assume?: readonly string[];
  readonly family?: Family;
  readonly backend?: Backend;
  /** The interface that was recorded. */
  readonly interfaceName?: string;
  /** Ethernet addresses of the machine. */
  readonly macs?: readonly MacText[];
  readonly direction?: 'in' | 'out' | 'auto';
  /** Take every checksum for right. */
  readonly ignoreChecksums?: boolean;
  /** Dropped and undecided packets that are kept to be shown, each; default 10. */
  readonly limit?: number;
  /** What was wrong with the bytes of the texts. */
  readonly diagnostics?: readonly Diagnostic[];
}

/** The capture as a file. */
export interface CaptureBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Why a frame was not walked. */
export type PassedOver =
  | 'not-ip'
  | 'cut'
  | 'malformed'
  | 'link-type'
  | 'no-rules'
  | 'other-host'
  | 'other-interface'
  | 'seen-twice'
  | 'forwarded'
  | 'half-recorded'
  | 'answer'
  | 'direction'
  | 'interface'
  | 'address';

interface NotWalked {
  readonly reason: PassedOver;
  readonly example?: string;
}

/** Frames that were not walked for one reason. */
export interface PassedOverCount {
  readonly reason: PassedOver;
  readonly frames: number;
  /** Of the first: what it was, or what is wrong with it. */
  readonly example: string | undefined;
  /** Number of the first frame. */
  readonly first: number;
}

/** A packet and what became of it. */
export type ReplayedOutcome = ReplayedPacket & { readonly outcome: Outcome };

/** The answer. */
export interface Replay {
  readonly capture: {
    readonly name: string;
    readonly frames: number;
    readonly firstMs: number | undefined;
    readonly lastMs: number | undefined;
    /** The first of them; `problemCount` counts all. */
    readonly problems: readonly CaptureProblem[];
    readonly problemCount: number;
  };
  readonly read: ReadMachine;
  /** In force, by family. */
  readonly rulesets: readonly ReadRuleset[];
  readonly assume: readonly string[];
  readonly walked: Count;
  readonly byVerdict: readonly VerdictCount[];
  readonly byDecider: readonly DeciderCount[];
  readonly passedOver: readonly PassedOverCount[];
  /** The first of those that were dropped or rejected. */
  readonly stopped: readonly ReplayedOutcome[];
  readonly stoppedCount: number;
  readonly undecided: readonly ReplayedOutcome[];
  readonly undecidedCount: number;
  /** TCP connections that conntrack took up in the middle. */
  readonly pickedUp: number;
  /** Frames that are older than the one before them; the clock does not go back for them. */
  readonly outOfOrder: number;
  readonly wrongChecksums: number;
  readonly other:
    | {
        readonly read: ReadMachine;
        readonly rulesets: readonly ReadRuleset[];
        readonly byVerdict: readonly VerdictCount[];
        readonly differences: readonly Difference[];
        readonly differingPackets: number;
      }
    | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** A replay, or why there is none. */
export interface ReplayResult {
  readonly replayed?: Replay;
  /** The capture or an option is no usable question. */
  readonly refused?: { readonly text: SourceText; readonly diagnostics: readonly Diagnostic[] };
  readonly couldNotLook?: string;
}

const problemsKept = 5;
const limitDefault = 10;

interface ReadSide {
  readonly read: ReadMachine;
  readonly rulesets: readonly ReadRuleset[];
  readonly program: Program;
}

/** One machine read and compiled, or why nothing can be looked at. */
function readSide(
  texts: readonly SourceText[],
  { registry, family, backend }: ReplayOptions,
  assume: Parameters<typeof readMachine>[1]['assume'],
): ReadSide | string {
  const read = readMachine(texts, { registry, family, backend, ...(assume ? { assume } : {}) });
  const nothing = whyNothingToLookAt(read);
  if (nothing !== undefined) return nothing;
  const rulesets = (['ipv4', 'ipv6'] as const).flatMap((f) => {
    const inForce = read.rulesets.findLast((r) => r.linked.ruleset.family === f);
    return inForce ? [inForce] : [];
  });
  const program = compile(
    read.rulesets.map((r) => r.linked.ruleset),
    read.machine,
    registry,
  );
  return { read, rulesets, program };
}

/** Replays a capture. Never throws for any input. */
export function replayCapture(
  capture: CaptureBytes,
  texts: readonly SourceText[],
  options: ReplayOptions,
): ReplayResult {
  const assumptions = readAssumptions(options.assume ?? []);
  if ('diagnostics' in assumptions)
    return {
      refused: {
        text: { name: '--assume', text: assumptions.text },
        diagnostics: assumptions.diagnostics,
      },
    };
  const refuse = (said: readonly Diagnostic[]): ReplayResult => ({
    refused: { text: { name: capture.name, text: '' }, diagnostics: said },
  });
  // Files in the wrong order are told by the capture: it is the one that is mistaken for certain.
  const [beginning] = readCapture(capture.bytes);
  if (beginning?.kind === 'problem' && beginning.problem.fatal) return refuse([beginning.problem]);
  const side = readSide(texts, options, assumptions.forMachine);
  if (typeof side === 'string') return { couldNotLook: side };
  const otherSide = options.other && readSide(options.other, options, assumptions.forMachine);
  if (typeof otherSide === 'string') return { couldNotLook: otherSide };

  const run = walkCapture(capture, side, otherSide, assumptions.tape, options);
  const [fatal] = run.capture.problems.filter((p) => p.fatal);
  if (run.capture.frames === 0 && fatal) return refuse([fatal]);
  const asks = run.passedOver.filter(({ reason }) => isQuestion(reason));
  if (run.walked.packets === 0 && asks.length > 0) return refuse(asks.map((a) => question(a, side)));
  if (run.walked.packets === 0 && run.passedOver.some((p) => p.reason === 'link-type'))
    return refuse([unreadableLink(run)]);
  return { replayed: { ...run, assume: options.assume ?? [] } };
}

/** Whether the asker could have told. */
export function isQuestion(reason: PassedOver): boolean {
  return reason === 'direction' || reason === 'interface' || reason === 'address';
}

/** What to say of frames whose way nobody told. */
function question({ reason, frames, first }: PassedOverCount, { read }: ReadSide): Diagnostic {
  const many = frames === 1 ? `Frame ${first} does` : `${frames} frames (the first is ${first}) do`;
  const missing = read.machine.interfaces.value === undefined;
  const addresses = missing ? ', or add the output of ip -j addr by --with FILE' : '';
  const [what, hint] =
    reason === 'interface'
      ? ['by which interface they came in', 'say it: --iface NAME']
      : reason === 'direction'
        ? [
            'whether they arrive at the machine or leave it',
            'say it: --mac MAC (of the machine), or --direction in|out for all frames',
          ]
        : [
            'whether this machine sent them itself or for others: its addresses are not known',
            'say it: --assume local=ADDRESS for its own ones',
          ];
  return diagnostic({
    code: 'FW901',
    id: `unknown-${reason}`,
    severity: 'error',
    message: `${many} not tell ${what}`,
    hint: `${hint}${addresses}`,
  });
}

function unreadableLink({ passedOver }: Omit<Replay, 'assume'>): Diagnostic {
  const found = passedOver.find((p) => p.reason === 'link-type');
  return diagnostic({
    code: 'FW901',
    id: 'unknown-link-type',
    severity: 'error',
    message: `The capture has the link type ${found?.example ?? ''}, which is not read here`,
    hint: 'Ethernet, Linux cooked (tcpdump -i any), raw IP, PPP and loopback are',
  });
}

function walkCapture(
  { name, bytes }: CaptureBytes,
  side: ReadSide,
  otherSide: ReadSide | undefined,
  tape: Tape,
  options: ReplayOptions,
): Omit<Replay, 'assume'> {
  const { machine } = side.read;
  const limit = options.limit ?? limitDefault;
  const view = viewMachine(machine);
  const wayOptions: WayOptions = {
    interfaceName: options.interfaceName,
    macs: options.macs ?? [],
    direction: options.direction ?? 'auto',
  };
  const wayOf = createFrameWays(view, wayOptions, surveyCapture(bytes, view, wayOptions));
  const output = createOwnOutput(view);
  const walker = createWalker(side.program, tape);
  const tally = createTally();
  const otherWalker = otherSide && createWalker(otherSide.program, tape);
  const otherTally = createTally();
  const comparison: Comparison | undefined =
    otherSide &&
    otherWalker &&
    createComparison(wordFinder(side, walker, otherSide, otherWalker, options.registry));

  const problems: CaptureProblem[] = [];
  let problemCount = 0;
  let frames = 0;
  let firstMs: number | undefined;
  let lastMs: number | undefined;
  let outOfOrder = 0;
  let wrongChecksums = 0;
  let pickedUp = 0;
  let stoppedCount = 0;
  let undecidedCount = 0;
  const stopped: ReplayedOutcome[] = [];
  const undecided: ReplayedOutcome[] = [];
  const passedOver = new Map<PassedOver, { frames: number; example: string | undefined; first: number }>();
  const passOver = ({ reason, example }: NotWalked, frame: CapturedFrame): void => {
    const known = passedOver.get(reason);
    if (known) known.frames++;
    else passedOver.set(reason, { frames: 1, example, first: frame.number });
  };
  const withRules = new Set(side.rulesets.map((r) => r.linked.ruleset.family));

  const walk = (replayed: ReplayedPacket): void => {
    const { packet, entry } = replayed;
    // The clock never goes back: an older frame is walked at the time of the one before.
    const outcome = walker.walk(packet, entry, lastMs);
    const { trace } = outcome;
    output.learn(trace);
    for (const end of outcome.undecided?.ends ?? []) output.learn(end.trace);
    const verdict = outcome.undecided ? 'undecided' : verdictOf(trace.fate);
    tally.add(
      packet,
      verdict,
      outcome.undecided ? undefined : decidedBy(trace),
      outcome.undecided ? undecidedFate(outcome) : trace.fate,
    );
    if (outcome.undecided) {
      undecidedCount++;
      if (undecided.length < limit) undecided.push({ ...replayed, outcome });
    } else if (verdict === 'dropped' || verdict === 'rejected') {
      stoppedCount++;
      if (stopped.length < limit) stopped.push({ ...replayed, outcome });
    }
    if (wasPickedUp(packet, outcome)) pickedUp++;
    if (!otherWalker || !comparison) return;
    const after = otherWalker.walk(packet, entry, lastMs);
    const { fate } = after.trace;
    otherTally.add(
      packet,
      after.undecided ? 'undecided' : verdictOf(fate),
      after.undecided ? undefined : decidedBy(after.trace),
      after.undecided ? undecidedFate(after) : fate,
    );
    comparison.add(replayed, outcome, after);
  };

  const take = (frame: CapturedFrame): NotWalked | undefined => {
    const read = dissectFrame(frame);
    if (read.kind === 'not-ip') return { reason: 'not-ip', example: read.what };
    if (read.kind === 'cut') return { reason: 'cut' };
    if (read.kind === 'malformed') return { reason: 'malformed', example: read.why };
    if (read.kind === 'unknown-link-type')
      return { reason: 'link-type', example: linkTypeName(read.linkType) };
    const { link, packet, checksum, headerChecksum } = read;
    if (!withRules.has(packet.family)) return { reason: 'no-rules', example: packet.family };
    const way = wayOf(frame, link, packet);
    if (way.kind === 'foreign') return { reason: way.reason };
    if (way.kind === 'ask') return { reason: way.what };
    const { number, timeMs } = frame;
    if (way.kind === 'leaves') {
      const kind = output.kindOf(packet);
      if (kind === 'ask') return { reason: 'address' };
      if (kind !== 'own') return { reason: kind };
      const own: Packet = { ...packet, packetType: 'unicast', ethSrc: undefined, ethDst: undefined };
      walk({ number, timeMs, packet: own, entry: { kind: 'local' } });
      return undefined;
    }
    if (headerChecksum === 'wrong' && options.ignoreChecksums !== true)
      return { reason: 'malformed', example: 'its IP header has a wrong checksum' };
    output.arrived(packet);
    if (output.isHalfRecorded(packet)) return { reason: 'half-recorded' };
    const badChecksum = checksum === 'wrong' && options.ignoreChecksums !== true;
    if (badChecksum) wrongChecksums++;
    const entry: EntryPoint = { kind: 'arrives', inInterface: way.inInterface };
    walk({ number, timeMs, packet: { ...packet, badChecksum }, entry });
    return undefined;
  };

  for (const item of readCapture(bytes)) {
    if (item.kind === 'problem') {
      problemCount++;
      if (problems.length < problemsKept || item.problem.fatal) problems.push(item.problem);
      continue;
    }
    const { frame } = item;
    frames++;
    if (frame.timeMs !== undefined) {
      firstMs ??= frame.timeMs;
      if (lastMs !== undefined && frame.timeMs < lastMs) outOfOrder++;
      else lastMs = frame.timeMs;
    }
    const notWalked = take(frame);
    if (notWalked) passOver(notWalked, frame);
  }

  return {
    capture: { name, frames, firstMs, lastMs, problems, problemCount },
    read: side.read,
    rulesets: side.rulesets,
    walked: tally.all(),
    byVerdict: tally.byVerdict(),
    byDecider: tally.byDecider(),
    passedOver: [...passedOver]
      .map(([reason, count]) => ({ reason, ...count }))
      .sort((a, b) => b.frames - a.frames || a.first - b.first),
    stopped,
    stoppedCount,
    undecided,
    undecidedCount,
    pickedUp,
    outOfOrder,
    wrongChecksums,
    other:
      otherSide && comparison
        ? {
            read: otherSide.read,
            rulesets: otherSide.rulesets,
            byVerdict: otherTally.byVerdict(),
            differences: comparison.differences(),
            differingPackets: comparison.packets(),
          }
        : undefined,
    diagnostics: [...(options.diagnostics ?? []), ...side.read.diagnostics],
  };
}

function undecidedFate({ trace, undecided }: Outcome) {
  return undecided ? ({ kind: 'undecided', question: undecided.question } as const) : trace.fate;
}

/** A connection that was not opened by a SYN within the capture. */
function wasPickedUp(packet: Packet, { trace }: Outcome): boolean {
  if (packet.protocol !== 6 || (packet.tcpFlags & (tcpFlag.SYN | tcpFlag.ACK)) === tcpFlag.SYN) return false;
  return trace.events.some((event) => event.kind === 'conntrack' && event.created);
}

/** Makes the words of differing packets, and walks what they say to see whether the answer is the same. */
function wordFinder(
  side: ReadSide,
  walker: Walker,
  otherSide: ReadSide,
  otherWalker: Walker,
  registry: Registry,
): WordFinder {
  const endsAlike = (
    words: readonly string[],
    local: boolean,
    of: ReadSide,
    by: Walker,
    outcome: Outcome,
  ): boolean => {
    const family = outcome.trace.packet.family;
    const ruleset = of.rulesets.find((r) => r.linked.ruleset.family === family);
    if (!ruleset) return false;
    const made = packetFromExpression(words, {
      registry,
      machine: of.read.machine,
      family,
      backend: ruleset.linked.ruleset.backend,
      local,
      pick: false,
      mentionedInterfaces: [],
    });
    if (!made.ok) return false;
    const alone = by.walkAlone(made.request.packet, made.request.entry);
    return kindOfEnd(alone) === kindOfEnd(outcome);
  };
  return ({ packet, entry }, before, after) => {
    const local = entry.kind === 'local';
    const usual = packetWords(packet, entry, before.trace.connection, 'usual');
    for (const words of [usual, packetWords(packet, entry, before.trace.connection, 'all')])
      if (
        endsAlike(words, local, side, walker, before) &&
        endsAlike(words, local, otherSide, otherWalker, after)
      )
        return { words, exact: true };
    return { words: usual, exact: false };
  };
}

/** Fate and decider; ports that NAT chose may differ. */
function kindOfEnd(o: Outcome): string {
  const at = decidedBy(o.trace);
  const by = at === undefined ? '' : `${at.table} ${at.chain} ${'policy' in at ? 'policy' : at.number}`;
  return `${o.undecided ? 'undecided' : (fateSignature(o.trace.fate).split(' ')[0] ?? '')} ${by}`;
}
