/** The answers to policies for programs: TAP, JUnit, GitHub Actions. */

import { createSources } from '../diagnostics/sources.ts';
import type { TestAnswer } from '../policy/run.ts';
import { xmlElement } from './escape-xml.ts';
import {
  byRuleText,
  claimsToTell,
  claimText,
  type PolicyReport,
  tryIt,
  verdictText,
} from './policy-words.ts';
import { shellCommand } from './shell-quote.ts';
import { visible } from './visible.ts';

/** What is wrong, line by line, as plain text. */
function problemLines(report: PolicyReport, answer: TestAnswer): readonly string[] {
  return claimsToTell(answer).flatMap((claim) => {
    const rule = claim.by && byRuleText(claim.by);
    const packet = claim.witness ?? claim.difference?.witness;
    const command = tryIt(report, claim);
    return [
      `${claimText(answer.test, claim)}: ${verdictText(answer.test, claim, report.run)}`,
      ...(rule === undefined ? [] : [`rule: ${rule}`]),
      ...(packet === undefined ? [] : [`packet: ${shellCommand(packet.packet)}`]),
      ...(claim.dependsOn && claim.dependsOn.length > 0 ? [`unknown: ${claim.dependsOn.join(', ')}`] : []),
      ...(command === undefined ? [] : [`try it: ${command}`]),
    ].map(visible);
  });
}

const failing = ({ verdict }: TestAnswer): boolean => verdict === 'failed' || verdict === 'undecided';

/** TAP version 14, with what is wrong as YAML below a test. */
export function printPolicyTap(reports: readonly PolicyReport[]): string {
  const tests = reports.flatMap((report) => report.run.tests.map((answer) => ({ report, answer })));
  const lines = ['TAP version 14', `1..${tests.length}`];
  tests.forEach(({ report, answer }, index) => {
    const name = visible(answer.test.name).replaceAll('\\', '\\\\').replaceAll('#', '\\#');
    lines.push(`${failing(answer) ? 'not ok' : 'ok'} ${index + 1} - ${name}`);
    const problems = problemLines(report, answer);
    if (problems.length === 0) return;
    lines.push('  ---', '  message: |', ...problems.map((line) => `    ${line}`), '  ...');
  });
  return `${lines.join('\n')}\n`;
}

/** A JUnit report: a suite for each policy on each machine. */
export function printPolicyJunit(reports: readonly PolicyReport[]): string {
  const counts = (tests: readonly TestAnswer[]) => ({
    tests: tests.length,
    failures: tests.filter((t) => t.verdict === 'failed').length,
    errors: tests.filter((t) => t.verdict === 'undecided').length,
  });
  const suites = reports.map((report) => {
    const name = `${report.policy.name} on ${report.texts[0]?.name ?? ''}`;
    const cases = report.run.tests.map((answer) => {
      const [message = '', ...rest] = problemLines(report, answer);
      const attributes = { name: answer.test.name, classname: name };
      if (!failing(answer)) return xmlElement('testcase', attributes);
      const what = answer.verdict === 'failed' ? 'failure' : 'error';
      return xmlElement('testcase', attributes, [
        xmlElement(what, { message: [message, ...rest].join('; '), type: answer.verdict }),
      ]);
    });
    return xmlElement('testsuite', { name, ...counts(report.run.tests) }, cases);
  });
  const all = counts(reports.flatMap((r) => r.run.tests));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement('testsuites', { name: 'fwsim test', ...all }, suites)}\n`;
}

/** One error for each test that fails, beside its line in the policy. */
export function printPolicyGithub(reports: readonly PolicyReport[]): string {
  const data = (text: string): string => visible(text).replaceAll('%', '%25');
  const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  return reports
    .flatMap((report) =>
      report.run.tests.filter(failing).map((answer) => {
        const place = answer.test.span && createSources([report.policy]).place(answer.test.span);
        const at = place ? `,line=${place.line},col=${place.column}` : '';
        const lines = problemLines(report, answer).map(data).join('%0A');
        return `::error file=${property(report.policy.name)}${at},title=${property(answer.test.name)}::${lines}\n`;
      }),
    )
    .join('');
}
