/** The answers to policies as JSON: one object, the same bytes for the same input. */

import { createSources } from '../diagnostics/sources.ts';
import type { FamilyClaim, TestAnswer } from '../policy/run.ts';
import { jsonText } from './escape-json.ts';
import { claimText, type PolicyReport, rulesetOf, tryIt, verdictText } from './policy-words.ts';
import { setJson, witnessJson } from './query-json.ts';
import { deciderJson } from './set-words.ts';

/** Raised when a field changes its meaning or goes away; new fields leave it alone. */
const schemaVersion = 1;

function claimJson(report: PolicyReport, { test }: TestAnswer, claim: FamilyClaim) {
  const ruleset = rulesetOf(report.run, claim)?.linked.ruleset;
  return {
    kind: claim.kind,
    family: claim.family,
    claim: claimText(test, claim),
    verdict: claim.verdict,
    message: verdictText(test, claim, report.run),
    fate: claim.fate ?? null,
    decidedBy: ruleset ? deciderJson(claim.by, ruleset) : null,
    packets: claim.packets ? setJson(claim.packets) : null,
    witness: witnessJson(claim.witness),
    replyEnds: claim.reply?.end ?? null,
    dependsOn: claim.dependsOn ?? [],
    command: tryIt(report, claim) ?? null,
  };
}

/**
 * Prints the answers as one JSON object:
 *
 * - `schemaVersion`, `tool` (`name`, `version`), `passed`, `failed`, `undecided` (numbers of tests)
 * - `reports`: each with `policy`, `files`, `assume`, `couldNotLook`, `tests` and `coverage`
 * - a test: `name`, `line`, `column`, `verdict` (`passed`, `allowed`, `failed`, `undecided`) and `claims`: `kind`, `family`,
 *   `claim`, `verdict` (`proved`, `refuted`, `depends`, `empty`, `undecided`), `message`, `fate`, `decidedBy`, `packets`,
 *   `witness` as those of `fwsim query --json`, `replyEnds`, `dependsOn`, `command`
 * - a coverage: `file`, `ruleCount`, `uncovered`: each `table`, `chain`, `ruleNumber`, `line`, `dead`
 */
export function printPolicyJson(reports: readonly PolicyReport[], version: string): string {
  const tests = reports.flatMap((r) => r.run.tests);
  const count = (...verdicts: readonly TestAnswer['verdict'][]): number =>
    tests.filter((t) => verdicts.includes(t.verdict)).length;
  const object = {
    schemaVersion,
    tool: { name: 'fwsim', version },
    passed: count('passed', 'allowed'),
    failed: count('failed'),
    undecided: count('undecided'),
    reports: reports.map((report) => ({
      policy: report.policy.name,
      files: report.texts.map((t) => t.name),
      assume: report.assume,
      couldNotLook: report.run.couldNotLook ?? null,
      tests: report.run.tests.map((answer) => {
        const place = answer.test.span && createSources([report.policy]).place(answer.test.span);
        return {
          name: answer.test.name,
          line: place?.line ?? null,
          column: place?.column ?? null,
          verdict: answer.verdict,
          claims: answer.claims.map((claim) => claimJson(report, answer, claim)),
        };
      }),
      coverage: report.run.coverage.map(({ ruleset, ruleCount, uncovered }) => ({
        file: ruleset.source.name,
        family: ruleset.linked.ruleset.family,
        ruleCount,
        uncovered: uncovered.map(({ rule, dead }) => ({
          table: rule.table,
          chain: rule.chain,
          ruleNumber: rule.index + 1,
          line: rule.line,
          dead,
        })),
      })),
    })),
  };
  return `${jsonText(object, 2)}\n`;
}
