/** Findings as Checkstyle and as JUnit reports. */

import { escapeXml, xmlElement } from './escape-xml.ts';
import { type PlacedFinding, placedFindings, rulesetPlace } from './finding-place.ts';
import { failsRun, type MachineReport, machineName, type RunDetails } from './machine-report.ts';

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** A Checkstyle report: one `file` for each text that has findings. Source: Checkstyle's XMLLogger. */
export function printLintCheckstyle(reports: readonly MachineReport[], { version }: RunDetails): string {
  const byFile = new Map<string, PlacedFinding[]>();
  for (const report of reports) {
    byFile.set(machineName(report), byFile.get(machineName(report)) ?? []);
    for (const placed of placedFindings(report))
      byFile.set(placed.file, [...(byFile.get(placed.file) ?? []), placed]);
  }
  const files = [...byFile].map(([name, placed]) =>
    xmlElement(
      'file',
      { name },
      placed.map(({ finding, at }) =>
        xmlElement('error', {
          line: at?.line ?? 1,
          column: at?.column,
          severity: finding.severity,
          message: finding.message,
          source: `fwsim.${finding.code}`,
        }),
      ),
    ),
  );
  return `${declaration}${xmlElement('checkstyle', { version: `fwsim ${version}` }, files)}\n`;
}

/** A JUnit report: a suite for each machine, a case for each check, so that clean ones are seen to pass. */
export function printLintJunit(
  reports: readonly MachineReport[],
  { checks }: Pick<RunDetails, 'checks'>,
): string {
  const suites = reports.map((report) => suite(report, checks));
  const total = (key: 'tests' | 'failures' | 'errors'): number => suites.reduce((sum, s) => sum + s[key], 0);
  const attributes = {
    name: 'fwsim lint',
    tests: total('tests'),
    failures: total('failures'),
    errors: total('errors'),
  };
  return `${declaration}${xmlElement(
    'testsuites',
    attributes,
    suites.map((s) => s.text),
  )}\n`;
}

function suite(report: MachineReport, checks: RunDetails['checks']) {
  const name = machineName(report);
  if (report.couldNotLook !== undefined) {
    const counts = { tests: 1, failures: 0, errors: 1 };
    return {
      ...counts,
      text: xmlElement('testsuite', { name, ...counts }, [limitCase('reading', name, report.couldNotLook)]),
    };
  }
  const placed = placedFindings(report);
  // The reader reports under codes that no check may have.
  const codes = [...new Set([...report.checked, ...placed.map(({ finding }) => finding.code)])].sort();
  let failures = 0;
  const cases = codes.map((code) => {
    const found = placed.filter(({ finding }) => finding.code === code);
    const failing = found.filter(({ finding }) => failsRun(finding, report.failOn));
    const others = found.filter(({ finding }) => !failsRun(finding, report.failOn));
    if (failing.length > 0) failures++;
    const check = checks.find((c) => c.code === code);
    const content = [
      ...(failing.length === 0
        ? []
        : [
            `${xmlOpen('failure', { message: messageOf(failing), type: failing[0]?.finding.severity })}${linesOf(failing)}</failure>`,
          ]),
      ...(others.length === 0 ? [] : [`<system-out>${linesOf(others)}</system-out>`]),
    ];
    const attributes = { name: `${code} ${check?.name ?? ''}`.trim(), classname: name };
    return xmlElement('testcase', attributes, content.length === 0 ? undefined : content);
  });
  const { unfinished } = report;
  if (unfinished !== undefined) cases.push(limitCase('sets of packets', name, unfinished));
  const counts = { tests: cases.length, failures, errors: unfinished === undefined ? 0 : 1 };
  return { ...counts, text: xmlElement('testsuite', { name, ...counts }, cases) };
}

/** What could not be done, as a test that met an error. */
function limitCase(name: string, classname: string, message: string): string {
  return xmlElement('testcase', { name, classname }, [
    xmlElement('error', { message, type: 'could-not-look' }),
  ]);
}

/** Text content stands right behind the tag: blanks would belong to it. */
function xmlOpen(name: string, attributes: Readonly<Record<string, string | undefined>>): string {
  return xmlElement(name, attributes).replace(/\/>$/, '>');
}

function messageOf(placed: readonly PlacedFinding[]): string {
  const [first] = placed;
  const more = placed.length > 1 ? ` (and ${placed.length - 1} more)` : '';
  return `${first?.finding.message ?? ''}${more}`;
}

function linesOf(placed: readonly PlacedFinding[]): string {
  return placed
    .map(({ finding, file, at }) => {
      const where = rulesetPlace(finding);
      const place = `${file}${at ? `:${at.line}` : ''}${where === '' ? '' : ` ${where}`}`;
      return escapeXml(`${place}: ${finding.severity}: ${finding.message}`);
    })
    .join('; ');
}
