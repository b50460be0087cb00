/** Expectations about sets of packets: proved for all of them, as a test of a policy is. */

import { diffMachines } from '../analysis/diff-machines.ts';
import { noNames, type PolicyTest, plainTest, unplaced } from '../policy/policy.ts';
import { type PolicyRunOptions, runPolicy } from '../policy/run.ts';
import { printDiff } from '../report/diff.ts';
import { printClaims } from '../report/policy.ts';
import { claimText } from '../report/policy-words.ts';
import type { Answer } from './answer.ts';
import { plainStyle } from './plain-style.ts';
import { type Rules, RulesError, registry, wordsOf } from './rules.ts';

/** What else is said of packets that are written as match options. */
export interface SetOptions {
  /** Not these, in match options. */
  readonly except?: string | readonly string[];
  /** Sent by the machine itself. */
  readonly local?: boolean;
  /** Of any connection; else those that open one, from where they may come. */
  readonly anyState?: boolean;
  readonly family?: 4 | 6;
  /** `allow`: what depends on something that is not known is all right. */
  readonly unknown?: 'fail' | 'allow';
}

/** What must hold of packets, in the words of a policy. */
export type SetClaim = Pick<
  Partial<PolicyTest>,
  'expect' | 'out' | 'translatedTo' | 'sourceTranslatedTo' | 'neverLogged' | 'replyPasses' | 'onlyFrom'
>;

const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];

/** Tries a claim on all packets of some match options. */
export function askSets(
  rules: Rules,
  packets: string | readonly string[],
  claim: SetClaim,
  o: SetOptions = {},
): Answer {
  const one: PolicyTest = {
    ...plainTest,
    name: listOf(packets).join(' or '),
    packets: listOf(packets).map(unplaced),
    except: listOf(o.except).map(unplaced),
    local: o.local ?? false,
    anyState: o.anyState ?? false,
    allowUnknown: o.unknown === 'allow',
    family: o.family === undefined ? undefined : o.family === 4 ? 'ipv4' : 'ipv6',
    ...claim,
  };
  const policy = { name: 'expected', text: '' };
  const options: PolicyRunOptions = {
    registry,
    assume: rules.assume,
    ...(rules.family === undefined ? {} : { family: rules.family }),
  };
  const run = runPolicy(rules.texts, { names: rules.names ?? noNames, tests: [one] }, options);
  const [problem] = run.problems;
  if (problem)
    throw new RulesError(
      `${problem.message}${problem.hint === undefined ? '' : `; ${problem.hint}`}: ${one.name}`,
    );
  const [answer] = run.tests;
  if (answer === undefined) throw new RulesError(run.couldNotLook ?? 'there is nothing to look at');
  const refuted = answer.claims.some((c) => c.verdict === 'refuted' || c.verdict === 'empty');
  const passed = answer.verdict === 'passed' || answer.verdict === 'allowed';
  const who = one.name === '' ? 'all packets' : one.name;
  return {
    verdict: passed ? 'holds' : refuted ? 'fails' : 'open',
    message: () => {
      const heading = `${rules.name}: ${who}`;
      if (!passed)
        return `${heading}\n${printClaims({ policy, texts: rules.texts, run, assume: rules.assume }, answer, plainStyle)}`;
      const proved = answer.claims.map((c) => claimText(one, c));
      return `${heading}\n        proved     ${[...new Set(proved)].join('; ')}`;
    },
  };
}

/** Whether packets fare alike under other rules on the same machine; without packets: all. */
export function askSameBehaviour(rules: Rules, other: Rules, packets: string): Answer {
  const result = diffMachines(other.texts, rules.texts, { registry, expression: wordsOf(packets) });
  if (result.refused) throw new RulesError(result.refused.diagnostics.map((d) => d.message).join('\n'));
  const { compared } = result;
  const differences = (compared?.families ?? []).flatMap(({ diff }) =>
    diff.kind === 'different' ? diff.differences : [],
  );
  const undecided = result.couldNotLook !== undefined || compared === undefined;
  const equal = !undecided && compared.families.every(({ diff }) => diff.kind === 'equal');
  return {
    verdict: equal ? 'holds' : differences.some((d) => d.certain) ? 'fails' : undecided ? 'open' : 'fails',
    message: () =>
      equal
        ? `${rules.name} behaves like ${other.name}: proved for all packets`
        : (result.couldNotLook ?? printDiff(result, plainStyle, { all: false })),
  };
}
