/** A comparison for a comment in a code review. */

import type { FamilyDiff, MachineDiff, MachineDiffResult } from '../analysis/diff-machines.ts';
import type { Difference } from '../analysis/diff-tell.ts';
import {
  changeWords,
  connectionsWords,
  connectionText,
  deciderWords,
  endsWords,
  familyName,
  lostWords,
  missingWords,
  outcomeWords,
  roadWords,
  type SideName,
  sideFile,
  stateWords,
  witnessTrace,
} from './diff-words.ts';
import { escapeMarkdown, markdownBlock, markdownCode } from './escape-markdown.ts';
import { exceptionHeads } from './set-words.ts';
import { fateWords, packetText } from './trace-words.ts';

const decidersShown = 5;

/** Prints a comparison; empty for a question without an answer. */
export function printDiffMarkdown({ compared }: MachineDiffResult): string {
  if (compared === undefined) return '';
  const name = (side: SideName): string => markdownCode(compared[side].read.texts[0]?.name ?? '');
  const lines = [`## What changes from ${name('old')} to ${name('new')}`, ''];
  if (compared.expression.length > 0)
    lines.push(`Only packets of ${markdownCode(compared.expression.join(' '))}.`, '');
  for (const f of compared.families) lines.push(...familyLines(f, compared));
  const { connections } = compared;
  if (connections !== undefined) {
    lines.push(`**Connections**: ${escapeMarkdown(connectionsWords(connections))}.`, '');
    for (const lost of connections.lost)
      lines.push(
        `- ${lost.own ? '**yours** ' : ''}${markdownCode(connectionText(lost))}: ${escapeMarkdown(lostWords(lost))}`,
      );
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function familyLines(f: FamilyDiff, compared: MachineDiff): readonly string[] {
  const lines = [`**${familyName(f.family)}**: ${escapeMarkdown(outcomeWords(f, compared))}.`, ''];
  for (const text of missingWords(f)) lines.push(`${escapeMarkdown(text)}.`, '');
  if (f.diff.kind !== 'different') return lines;
  for (const d of f.diff.differences) lines.push(...differenceLines(d, f, compared));
  return lines;
}

function differenceLines(d: Difference, f: FamilyDiff, compared: MachineDiff): readonly string[] {
  const { packets } = d;
  const lines = [`### ${escapeMarkdown(changeWords(d))}: ${escapeMarkdown(roadWords(d))}`, ''];
  if (packets.lines.length === 0)
    lines.push(`${packets.kind === 'everything' ? 'All packets' : escapeMarkdown(packets.kind)}.`, '');
  else {
    const heads = exceptionHeads(packets, 'all packets but:');
    const more = packets.lineCount - packets.lines.length;
    const said = heads.length === 0 ? packets.lines : packets.lines.map((line) => `  ${line}`);
    lines.push(markdownBlock([...heads, ...said]).trimEnd(), '');
    if (more > 0) lines.push(`… and ${more} more${packets.complete ? '' : ' at least'}.`, '');
  }
  for (const side of ['old', 'new'] as const) lines.push(sideItem(d, f, compared, side));
  const states = stateWords(d);
  if (states !== undefined) lines.push(`- also ${escapeMarkdown(states)}`);
  if (d.unknowns.length > 0)
    lines.push(
      `- ${d.certain ? 'partly depends' : 'depends'} on what packets do not decide: ${escapeMarkdown(d.unknowns.join('; '))}`,
    );
  const { witness } = d;
  if (witness !== undefined) {
    lines.push(
      `- example: ${markdownCode(packetText(witness.old.packet))}: ${fateWords(witness.old.fate).word}, now ${fateWords(witness.new.fate).word}`,
    );
    for (const side of ['old', 'new'] as const) {
      const command = witnessTrace(d, compared[side], side);
      if (command !== undefined) lines.push(`  - ${side}: ${markdownCode(command)}`);
    }
  }
  return [...lines, ''];
}

function sideItem(d: Difference, f: FamilyDiff, compared: MachineDiff, side: SideName): string {
  const { ends, deciders } = d[side];
  const by = deciders.slice(0, decidersShown).map((decider) => {
    const { name, line, text } = deciderWords(decider, f[side]?.linked.ruleset);
    const where = line === undefined ? '' : ` (${markdownCode(`${sideFile(f, compared, side)}:${line}`)})`;
    return `${escapeMarkdown(name)}${where}${text === undefined ? '' : ` ${markdownCode(text)}`}`;
  });
  const more = deciders.length - by.length;
  const rest = more > 0 ? ` or ${more} more` : '';
  return `- ${side}: ${escapeMarkdown(endsWords(d, ends))}, by ${by.join(' or ')}${rest}`;
}
