/** A replay as JSON: the schema below, stable to the byte for the same input. */

import type { ReadRuleset } from '../link/read-machine.ts';
import { ruleText } from '../link/rule-text.ts';
import type { PolicyRef, RuleRef, Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import type { Difference, ReplayedPacket } from '../replay/comparison.ts';
import type { Replay, ReplayedOutcome, ReplayResult } from '../replay/replay.ts';
import type { Outcome } from '../replay/walker.ts';
import { decidedBy } from '../trace/outcome.ts';
import { jsonText } from './escape-json.ts';
import { clockText, replayTraceCommand } from './replay.ts';
import { ruleBook } from './rule-book.ts';
import { assumeOption, packetText, topicWords } from './trace-words.ts';

/** Raised when a field changes its meaning or goes away; new fields do not raise it. */
const replaySchemaVersion = 1;

/**
 * Prints a replay as one JSON object:
 *
 * - `schemaVersion`, `tool` (`name`, `version`)
 * - `capture`: `file`, `frameCount`, `first` and `last` (UTC, microseconds), `problems` (`id`, `message`, `hint`,
 *   `offsetBytes`, `fatal`), `problemCount`
 * - `rulesets`: `file`, `family`, `version`, `backend`; `assume`: as given
 * - `walked`: `packets`, `bytes`, `flows`
 * - `verdicts`: `verdict` (`delivered`, `forwarded`, `sent`, `dropped`, `rejected`, `queued`, `taken`, `waiting`,
 *   `undecided`, `given-up`) with the same counts
 * - `deciders`: `family`, `verdict`, `at` (a rule: `table`, `chain`, `number`, `line`, `text`; a policy: `table`,
 *   `chain`, `policy`, `line`; absent where no rule decided), `reason` (where no rule decided), counts
 * - `passedOver`: frames that were not walked, `reason`, `frames`, `first` (number of a frame), `example`
 * - `stopped`, `stoppedCount`; `undecided`, `undecidedCount`: the first packets, each with `frame`, `time`, `text`,
 *   `inInterface` (absent: sent by this machine), and what became of it: `fate`, `reason`, `with`, `at`; of an
 *   undecided one `question` and `ends`, each with `assume` (options)
 * - `pickedUp`, `outOfOrder`, `wrongChecksums`: counts
 * - `comparison`, with another ruleset: `rulesets`, `verdicts`, `differingPackets`, `differences`, each with counts,
 *   `first` (a packet with `before` and `after`), `commands` (two), `commandsOf` (number of a frame) and `exact`
 *   (whether the commands show the same difference without the packets before), `flowBegins` (number of the first
 *   frame of the flow that fares differently)
 * - `couldNotLook`
 *
 * Absent fields are not known or do not apply.
 */
export function printReplayJson({ replayed, couldNotLook }: ReplayResult, version: string): string {
  const answer = {
    schemaVersion: replaySchemaVersion,
    tool: { name: 'fwsim', version },
    ...(replayed ? replayJson(replayed) : {}),
    couldNotLook,
  };
  return `${jsonText(answer, 2)}\n`;
}

type AtJson = (at: RuleRef | PolicyRef | undefined, family: string) => unknown;

function placesOf(rulesets: readonly ReadRuleset[]): AtJson {
  const books = new Map(
    rulesets.map(({ linked }) => [linked.ruleset.family as string, ruleBook(linked.ruleset)]),
  );
  return (at, family) => {
    if (!at) return undefined;
    const book = books.get(family);
    const { table, chain } = at;
    if ('policy' in at) return { table, chain, policy: true, line: book?.chain(table, chain)?.line };
    const rule = book?.rule(at);
    return { table, chain, number: at.number, line: at.line, text: rule && ruleText(rule) };
  };
}

function replayJson(replayed: Replay) {
  const { capture, other } = replayed;
  const at = placesOf(replayed.rulesets);
  const clock = (timeMs: number | undefined) => (timeMs === undefined ? undefined : clockText(timeMs, true));
  const outcomes = (list: readonly ReplayedOutcome[]) =>
    list.map((p) => ({ ...packetJson(p), ...outcomeJson(p.outcome, p.packet.family, at) }));
  return {
    capture: {
      file: capture.name,
      frameCount: capture.frames,
      first: clock(capture.firstMs),
      last: clock(capture.lastMs),
      problems: capture.problems.map(({ id, message, hint, offsetBytes, fatal }) => ({
        id,
        message,
        hint,
        offsetBytes,
        fatal,
      })),
      problemCount: capture.problemCount,
    },
    rulesets: replayed.rulesets.map(rulesetJson),
    assume: replayed.assume,
    walked: replayed.walked,
    verdicts: replayed.byVerdict,
    deciders: replayed.byDecider.map(({ family, verdict, at: by, fate, packets, bytes, flows }) => ({
      family,
      verdict,
      at: at(by, family),
      reason: by ? undefined : reasonOf(fate),
      packets,
      bytes,
      flows,
    })),
    passedOver: replayed.passedOver.map(({ reason, frames, first, example }) => ({
      reason,
      frames,
      first,
      example,
    })),
    stopped: outcomes(replayed.stopped),
    stoppedCount: replayed.stoppedCount,
    undecided: outcomes(replayed.undecided),
    undecidedCount: replayed.undecidedCount,
    pickedUp: replayed.pickedUp,
    outOfOrder: replayed.outOfOrder,
    wrongChecksums: replayed.wrongChecksums,
    comparison: other && {
      rulesets: other.rulesets.map(rulesetJson),
      verdicts: other.byVerdict,
      differingPackets: other.differingPackets,
      differences: other.differences.map((d) => differenceJson(d, replayed, at, placesOf(other.rulesets))),
    },
  };
}

function rulesetJson({ source, linked: { ruleset } }: ReadRuleset) {
  const { family, version, backend } = ruleset;
  return { file: source.name, family, version, backend };
}

function packetJson({ number, timeMs, packet, entry }: ReplayedPacket) {
  return {
    frame: number,
    time: timeMs === undefined ? undefined : clockText(timeMs, true),
    text: packetText(packet),
    family: packet.family,
    src: addressText(packet.src),
    dst: addressText(packet.dst),
    protocol: packet.protocol,
    sport: packet.sport,
    dport: packet.dport,
    lengthBytes: packet.lengthBytes,
    inInterface: entry.kind === 'arrives' ? entry.inInterface : undefined,
  };
}

const reasonOf = (fate: Trace['fate']): string => ('reason' in fate ? String(fate.reason) : fate.kind);

function endJson(trace: Trace, family: string, at: AtJson) {
  const { fate } = trace;
  return {
    fate: fate.kind,
    reason: 'reason' in fate ? fate.reason : undefined,
    with: fate.kind === 'reject' ? fate.with : undefined,
    outInterface: 'outInterface' in fate ? fate.outInterface : undefined,
    at: at(decidedBy(trace), family),
  };
}

function outcomeJson({ trace, undecided }: Outcome, family: string, at: AtJson) {
  if (!undecided) return endJson(trace, family, at);
  return {
    fate: 'undecided',
    question: { key: undecided.question.key, why: topicWords(undecided.question) },
    ends: undecided.ends.map((end) => ({
      assume: end.assumptions.map(assumeOption),
      ...endJson(end.trace, family, at),
    })),
  };
}

function differenceJson(difference: Difference, replayed: Replay, before: AtJson, after: AtJson) {
  const { packets, bytes, flows, first, wordsOf, exact, flowBegins } = difference;
  const { family } = first.packet;
  return {
    packets,
    bytes,
    flows,
    first: {
      ...packetJson(first),
      before: outcomeJson(first.before, family, before),
      after: outcomeJson(first.after, family, after),
    },
    commands: [replayed.read.texts, replayed.other?.read.texts ?? []].map((texts) =>
      replayTraceCommand(texts, replayed.assume, difference),
    ),
    commandsOf: wordsOf,
    exact,
    flowBegins,
  };
}
