/** What tests may expect of rules, by the names of the matchers. */

import type { Severity } from '../diagnostics/diagnostic.ts';
import { checks } from '../lint/checks/index.ts';
import { lintMachine } from '../lint/lint.ts';
import type { CheckSelection } from '../lint/select.ts';
import { unplaced } from '../policy/policy.ts';
import { printLintPretty } from '../report/lint-findings.ts';
import { failsRun, reportOf } from '../report/machine-report.ts';
import type { Answer } from './answer.ts';
import { addressed, askPacket, askSameWay, endsAs, isAnswered, leavesBy } from './ask-packet.ts';
import { askSameBehaviour, askSets, type SetClaim, type SetOptions } from './ask-sets.ts';
import { plainStyle } from './plain-style.ts';
import { type Rules, registry } from './rules.ts';
import type { TestFlow } from './test-flow.ts';
import type { TestPacket } from './test-packet.ts';

/** Packets: match options for all that they mean, or one packet. */
export type Packets = string | readonly string[] | TestPacket;

/** Findings that count. */
export interface FindingsOptions extends CheckSelection {
  /** From this severity on; default `warning`. */
  readonly failOn?: Severity;
}

const listOf = (texts: string | readonly string[]): readonly string[] =>
  typeof texts === 'string' ? [texts] : texts;
const isPacket = (packets: Packets): packets is TestPacket =>
  typeof packets === 'object' && !Array.isArray(packets);

function ask(
  rules: Rules,
  packets: Packets,
  claim: SetClaim,
  o: SetOptions | undefined,
  [expected, holds]: [string, Parameters<typeof askPacket>[3]],
): Answer {
  return isPacket(packets)
    ? askPacket(rules, packets, expected, holds)
    : askSets(rules, packets as string | readonly string[], claim, o);
}

/**
 * What may be expected. Match options stand for all packets that they mean, and the answer is a proof or a packet that
 * refutes it; one packet is walked on every way that it may take.
 */
export const expectations = {
  /** Delivered, forwarded or sent. */
  toAccept: (rules: Rules, packets: Packets, o?: SetOptions): Answer =>
    ask(rules, packets, { expect: 'accept' }, o, ['it to be accepted', endsAs('accept')]),
  /** Without an answer. */
  toDrop: (rules: Rules, packets: Packets, o?: SetOptions): Answer =>
    ask(rules, packets, { expect: 'drop' }, o, ['it to be dropped', endsAs('drop')]),
  toReject: (rules: Rules, packets: Packets, o?: SetOptions): Answer =>
    ask(rules, packets, { expect: 'reject' }, o, ['it to be rejected', endsAs('reject')]),
  /** Dropped or rejected, whichever. */
  toBlock: (rules: Rules, packets: Packets, o?: SetOptions): Answer =>
    ask(rules, packets, { expect: 'blocked' }, o, ['it to be blocked', endsAs('blocked')]),
  /** To a program of the machine itself. */
  toDeliver: (rules: Rules, packets: Packets, o?: SetOptions): Answer =>
    ask(rules, packets, { expect: 'delivered' }, o, ['it to be delivered', endsAs('delivered')]),
  /** Through the machine, out of one of these interfaces. */
  toForwardTo: (
    rules: Rules,
    packets: Packets,
    interfaces: string | readonly string[],
    o?: SetOptions,
  ): Answer =>
    ask(rules, packets, { expect: 'forwarded', out: listOf(interfaces).map(unplaced) }, o, [
      `it to leave by ${listOf(interfaces).join(' or ')}`,
      leavesBy(listOf(interfaces)),
    ]),
  /** With this destination in the end: ADDRESS, ADDRESS:PORT, NETWORK. */
  toTranslateTo: (
    rules: Rules,
    packets: Packets,
    destinations: string | readonly string[],
    o?: SetOptions,
  ): Answer =>
    ask(rules, packets, { expect: 'accept', translatedTo: listOf(destinations).map(unplaced) }, o, [
      `it to go to ${listOf(destinations).join(' or ')}`,
      addressed('dst', listOf(destinations)),
    ]),
  /** With this source in the end: ADDRESS, NETWORK. */
  toTranslateSourceTo: (
    rules: Rules,
    packets: Packets,
    sources: string | readonly string[],
    o?: SetOptions,
  ): Answer =>
    ask(rules, packets, { expect: 'accept', sourceTranslatedTo: listOf(sources).map(unplaced) }, o, [
      `it to come from ${listOf(sources).join(' or ')} in the end`,
      addressed('src', listOf(sources)),
    ]),
  /** Packets pass, and their answers come back. */
  toAnswer: (rules: Rules, packets: Packets, o?: SetOptions): Answer =>
    ask(rules, packets, { expect: 'accept', replyPasses: true }, o, ['its answer to come back', isAnswered]),
  /** Of these packets, none from elsewhere passes, and all from there do. */
  toAcceptOnlyFrom: (
    rules: Rules,
    packets: string | readonly string[],
    sources: string | readonly string[],
    o?: SetOptions,
  ): Answer => askSets(rules, packets, { expect: 'accept', onlyFrom: listOf(sources).map(unplaced) }, o),
  /** No packet fares differently than under other rules; of these packets, or of all. */
  toBehaveLike: (rules: Rules, other: Rules, packets: string | TestPacket = ''): Answer =>
    typeof packets === 'string' ? askSameBehaviour(rules, other, packets) : askSameWay(rules, other, packets),
  /** A whole conversation passes, packet by packet in both directions. */
  toCarry: (rules: Rules, flow: TestFlow): Answer => flow.playedOn(rules),
  /** The linter has nothing to say. */
  toHaveNoFindings: (rules: Rules, o: FindingsOptions = {}): Answer => {
    const { failOn = 'warning', ...selection } = o;
    const result = lintMachine(rules.texts, { registry, checks, ...selection });
    const findings = result.findings.filter((f) => failsRun(f, failOn));
    const report = reportOf({ ...result, findings }, { failOn });
    const open = result.couldNotLook ?? result.unfinished;
    return {
      verdict: findings.length > 0 ? 'fails' : open === undefined ? 'holds' : 'open',
      message: () =>
        findings.length > 0
          ? printLintPretty([report], plainStyle, { all: false, verbose: false })
          : (open ?? `${rules.name}: nothing was found`),
    };
  },
};

/** The names of the matchers. */
export type ExpectationName = keyof typeof expectations;
/** What each is told besides the rules. */
export type ExpectationArguments<N extends ExpectationName> = (typeof expectations)[N] extends (
  rules: Rules,
  ...rest: infer A
) => Answer
  ? A
  : never;
