/** What the answers to a policy say, in words that all of its formats share. */

import type { Decider } from '../analysis/deciders.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { ReadRuleset } from '../link/read-machine.ts';
import { ruleText } from '../link/rule-text.ts';
import type { PolicyTest } from '../policy/policy.ts';
import { expectationOf } from '../policy/prove.ts';
import type { FamilyClaim, PolicyRun, TestAnswer } from '../policy/run.ts';
import { deciderLine, deciderPlace, fateNames } from './set-words.ts';
import { traceCommand } from './witness-command.ts';

/** One policy tried on one machine. */
export interface PolicyReport {
  readonly policy: SourceText;
  /** The machine's texts, its rules first. */
  readonly texts: readonly SourceText[];
  readonly run: PolicyRun;
  /** What the policy takes for granted. */
  readonly assume: readonly string[];
}

const expected = {
  accept: 'accepted',
  drop: 'dropped',
  reject: 'rejected',
  delivered: 'delivered to this machine',
  forwarded: 'forwarded',
  sent: 'sent',
  blocked: 'blocked',
} as const;

const texts = (list: PolicyTest['out']): string => (list ?? []).map((t) => t.text).join(' or ');

/** What a claim says must hold: `every packet is accepted`. Not escaped. */
export function claimText(test: PolicyTest, { kind }: Pick<FamilyClaim, 'kind'>): string {
  const who = test.some ? 'some packet' : 'every packet';
  switch (kind) {
    case 'expect': {
      const what = expectationOf(test);
      return `${who} is ${what === undefined ? 'looked at' : expected[what]}`;
    }
    case 'out':
      return `${who} that leaves does so by ${texts(test.out)}`;
    case 'translated-to':
      return `${who} that passes goes to ${texts(test.translatedTo)}`;
    case 'source-translated-to':
      return `${who} that passes comes from ${texts(test.sourceTranslatedTo)} in the end`;
    case 'logged':
      return test.some ? 'some packet is not logged' : 'no packet is ever logged';
    case 'reply':
      return 'the reply passes';
    case 'only-from':
      return `only packets from ${texts(test.onlyFrom)} pass`;
    case 'same-as':
      return `every packet fares as under ${test.sameAs?.text ?? ''}`;
  }
}

/** The ruleset that a claim was tried on. */
export function rulesetOf(run: PolicyRun, { family }: Pick<FamilyClaim, 'family'>): ReadRuleset | undefined {
  return run.rulesets.find((r) => r.linked.ruleset.family === family);
}

/** Who decided, with the line: `INPUT 5 (line 20)`. Not escaped. */
function byText(by: Decider, ruleset: ReadRuleset | undefined): string {
  const line = ruleset && deciderLine(by, ruleset.linked.ruleset);
  return `${deciderPlace(by)}${line === undefined ? '' : ` (line ${line})`}`;
}

/** The rule that decided, as iptables-save prints it; undefined for a policy. Not escaped. */
export function byRuleText(by: Decider): string | undefined {
  return by.kind === 'rule' ? ruleText(by.rule) : undefined;
}

/** What became of a claim, in one sentence without a full stop. Not escaped. */
export function verdictText(test: PolicyTest, claim: FamilyClaim, run: PolicyRun): string {
  const by = claim.by === undefined ? '' : ` by ${byText(claim.by, rulesetOf(run, claim))}`;
  const ends = claim.fate === undefined ? '' : `${fateNames[claim.fate].word}${by}`;
  switch (claim.verdict) {
    case 'proved':
      return 'proved';
    case 'empty':
      return 'there is no such packet';
    case 'undecided':
      return `could not be decided: ${claim.why ?? ''}`;
    case 'depends':
      if (claim.kind === 'logged') return 'depends on what is not known: may be logged';
      return `depends on what is not known${ends === '' ? '' : `: may be ${ends}`}`;
    case 'refuted':
      if (claim.kind === 'reply') return `the reply ${replyWords[claim.reply?.end ?? 'stopped']}`;
      if (claim.kind === 'same-as') {
        const { old, new: now } = claim.difference ?? {};
        return `${old?.ends.join(' or ') ?? ''} there, ${now?.ends.join(' or ') ?? ''} here`;
      }
      if (claim.kind === 'logged') return 'a packet is logged';
      if (test.some) return ends === '' ? 'no packet is' : `none is: ${ends}`;
      return ends === '' ? 'refuted' : ends;
  }
}

const replyWords = {
  'comes-back': 'comes back',
  'not-translated': 'comes from another address than the one asked',
  elsewhere: 'does not reach the sender',
  stopped: 'is stopped',
  open: 'depends on what is not known',
} as const;

/** The command that walks the packet of a claim again; undefined where there is none. Not escaped. */
export function tryIt(report: PolicyReport, { witness, difference }: FamilyClaim): string | undefined {
  if (witness) return traceCommand(witness, report);
  if (difference?.witness)
    return traceCommand({ ...difference.witness, assume: difference.witness.assume.new }, report);
  return undefined;
}

/** Claims that make a test fail, stand undecided, or are to be told although it passed. */
export function claimsToTell({ verdict, claims }: TestAnswer): readonly FamilyClaim[] {
  return verdict === 'passed' ? [] : claims.filter((c) => c.verdict !== 'proved');
}

/** `IPv4`, `IPv4 and IPv6`: where a test was tried. */
export function familiesText({ claims }: TestAnswer): string {
  const names = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;
  return [...new Set(claims.map((c) => names[c.family]))].join(' and ');
}
