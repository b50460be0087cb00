/** Findings for a ticket or a comment of a code review. */

import { escapeMarkdown, markdownBlock, markdownCode } from './escape-markdown.ts';
import { placedFindings, rulesetPlace } from './finding-place.ts';
import { type MachineReport, machineName, type RunDetails, severities } from './machine-report.ts';
import { traceCommand } from './witness-command.ts';

/** A section for each machine, the gravest findings first. */
export function printLintMarkdown(reports: readonly MachineReport[], { version }: RunDetails): string {
  const parts = reports.map((report) => machinePart(report));
  return `${parts.join('\n')}\n${escapeMarkdown(`fwsim ${version}`)}\n`;
}

function machinePart(report: MachineReport): string {
  const lines = [`## ${markdownCode(machineName(report))}`, ''];
  if (report.couldNotLook !== undefined) {
    lines.push(`Could not look: ${escapeMarkdown(report.couldNotLook)}.`, '');
    return lines.join('\n');
  }
  const placed = placedFindings(report);
  const counts = severities
    .map((severity) => [severity, report.findings.filter((f) => f.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => `${count} ${severity}${count === 1 || severity === 'info' ? '' : 's'}`);
  const hidden = report.suppressed.length === 0 ? '' : `; ${report.suppressed.length} suppressed`;
  const outcome =
    counts.length === 0
      ? `${report.checked.length} checks found nothing${hidden === '' ? '' : ' else'}`
      : counts.join(', ');
  lines.push(`${outcome}${hidden}.`, '');
  if (report.unfinished !== undefined) lines.push(`Not finished: ${escapeMarkdown(report.unfinished)}.`, '');
  for (const severity of severities)
    for (const { finding, file, at } of placed.filter((p) => p.finding.severity === severity)) {
      const { story, witness } = finding;
      lines.push(`### ${severity} ${finding.code} ${escapeMarkdown(finding.name)}`, '');
      lines.push(`${escapeMarkdown(finding.message)}.`, '');
      const where = rulesetPlace(finding);
      if (at)
        lines.push(
          `${markdownCode(`${file}:${at.line}`)}${where === '' ? '' : ` ${escapeMarkdown(where)}`}`,
          '',
        );
      const rule = at && lineOf(report, file, at.line);
      if (rule !== undefined && rule !== '') lines.push(markdownBlock([rule]).trimEnd(), '');
      const items = [
        ...(story.what === undefined ? [] : [story.what]),
        ...(story.why === undefined ? [] : [story.why]),
        ...(story.help ?? []),
      ].map((text) => `- ${escapeMarkdown(text)}`);
      if (witness) items.push(`- try it: ${markdownCode(traceCommand(witness, report))}`);
      for (const { text } of finding.inferences) items.push(`- a guess: ${escapeMarkdown(text)}`);
      if (items.length > 0) lines.push(...items, '');
    }
  return lines.join('\n');
}

function lineOf(report: MachineReport, file: string, line: number): string | undefined {
  const source = [...report.texts, ...report.otherTexts].find(({ name }) => name === file);
  return source?.text.split('\n')[line - 1]?.trim();
}
