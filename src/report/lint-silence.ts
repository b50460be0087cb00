/** Why a check said nothing, for the terminal. */

import { severityWord, type TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { wrap } from './layout.ts';
import { type MachineReport, machineName } from './machine-report.ts';

const selectionTexts = {
  ignored: 'it did not run: --ignore or "ignore" of the configuration names it',
  off: 'it did not run: the configuration sets its severity to off',
  'not-selected': 'it did not run: --select asks for others',
  'not-in-presets': 'it did not run: no preset of this run holds it for such a machine; --select runs it',
  preview: 'it did not run: it is on probation; --preview or its whole code runs it',
} as const;

function count(number: number, one: string, many: string): string {
  return number === 1 ? `1 ${one}` : `${number} ${many}`;
}

/** A few lines about one machine; empty where nothing was asked, or nothing could be looked at. */
export function printSilence(report: MachineReport, style: TerminalStyle): string {
  const { silence } = report;
  if (!silence) return '';
  const { check, selection, unknown, told, undecided, explainedBy, tooUnsure, suppressed } = silence;
  const { theme } = style;
  const reasons: string[] = [];
  if (!selection.runs) reasons.push(selectionTexts[selection.because]);
  for (const source of unknown) reasons.push(`it asked, and nobody told: ${source}`);
  if (undecided > 0)
    reasons.push(
      `${count(undecided, 'suspicion was', 'suspicions were')} dropped: what becomes of the packet depends on what nobody told`,
    );
  if (explainedBy.length > 0)
    reasons.push(`told with a graver finding of the same cause: ${explainedBy.join(', ')}`);
  if (tooUnsure > 0)
    reasons.push(`${count(tooUnsure, 'finding is', 'findings are')} less sure than was asked for`);
  if (suppressed > 0)
    reasons.push(`${count(suppressed, 'finding is', 'findings are')} suppressed, or in the baseline`);
  if (told > 0) reasons.push(`it is not silent: ${count(told, 'finding is', 'findings are')} told`);
  if (reasons.length === 0)
    reasons.push('it ran, knew all that it asked for, and found nothing of what its page describes');
  const lines = [
    `${severityWord(check.severity, theme)} ${theme.strong(`${check.code} ${check.name}`)}  ${escapeTerminal(machineName(report))}, ${report.profile.value}`,
    ...reasons.flatMap((text) => wrap(escapeTerminal(text), style, { first: '  ', rest: '    ' })),
  ];
  return `${lines.join('\n')}\n`;
}
