/** Whether false sources are let in, for the terminal and as JSON. */

import type { InterfaceSpoof, SpoofedPackets, SpoofResult } from '../analysis/spoof.ts';
import { ruleText } from '../link/rule-text.ts';
import type { Ruleset } from '../model/ruleset.ts';
import { networkTextShort } from '../net/address-text.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { jsonText } from './escape-json.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { wrap } from './layout.ts';
import { contextLines, rulesLines } from './machine-header.ts';
import { setJson, witnessJson } from './query-json.ts';
import { deciderJson, deciderLine, deciderPlace, describedLines, fateNames } from './set-words.ts';
import { traceCommand } from './witness-command.ts';

/** Rules of one interface that are told. */
const rowsMax = 4;

function belongsText({ belongs }: InterfaceSpoof): string {
  return belongs === 'outside'
    ? 'leads outside: all but what belongs behind the others'
    : belongs.map((r) => networkTextShort(r.network)).join(', ');
}

/** Prints the answer; empty where there is none. */
export function printSpoof(
  result: SpoofResult,
  style: TerminalStyle,
  detail: { readonly verbose: boolean },
): string {
  const { read } = result;
  if (!read || result.families.length === 0) return '';
  const { theme } = style;
  const blocks = result.families.map(({ ruleset, interfaces }) => {
    const subject = { read, ruleset, diagnostics: result.diagnostics };
    const lines = [...rulesLines(subject, style), ...contextLines(subject, style, () => detail.verbose), ''];
    for (const one of interfaces) {
      lines.push(
        ...wrap(
          `${theme.strong(escapeTerminal(one.interface))}  ${theme.faint(`(${escapeTerminal(belongsText(one))})`)}`,
          style,
          { rest: '  ' },
        ),
      );
      if (one.spoofed.length === 0)
        lines.push(`  ${theme.verdictAccept('proved')}: no packet with a false source opens anything`);
      for (const row of one.spoofed.slice(0, rowsMax))
        lines.push(...rowLines(row, ruleset.linked.ruleset, result, style));
      const more = one.spoofed.length + one.leftOut - rowsMax;
      if (more > 0) lines.push(theme.faint(`  and by ${more} more rules`));
    }
    return lines.join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}

function rowLines(
  row: SpoofedPackets,
  ruleset: Ruleset,
  { read }: SpoofResult,
  style: TerminalStyle,
): readonly string[] {
  const { theme } = style;
  const line = row.by && deciderLine(row.by, ruleset);
  const by =
    row.by === undefined
      ? 'no rule asks'
      : `by ${escapeTerminal(deciderPlace(row.by))}${line === undefined ? '' : theme.faint(` (line ${line})`)}`;
  const head = row.witness ? theme.verdictDrop('spoofable') : theme.verdictOther('not proved');
  const lines = [...wrap(`${head}: ${fateNames[row.fate].word} ${by}`, style, { first: '  ', rest: '    ' })];
  if (row.by?.kind === 'rule')
    lines.push(
      ...wrap(theme.faint(escapeTerminal(ruleText(row.by.rule))), style, { first: '    ', rest: '      ' }),
    );
  for (const text of describedLines(row.packets, 'all packets with a false source'))
    lines.push(
      ...wrap(escapeTerminal(text), style, { first: `    ${/^ */.exec(text)?.[0] ?? ''}`, rest: '        ' }),
    );
  if (row.witness && read)
    lines.push(
      `    ${theme.command(traceCommand(row.witness, { texts: read.texts, assume: read.assumed }))}`,
    );
  return lines;
}

/** Raised when a field changes its meaning or goes away; new fields leave it alone. */
const schemaVersion = 1;

/**
 * Prints the answer as one JSON object:
 *
 * - `schemaVersion`, `tool` (`name`, `version`), `files`, `couldNotLook`
 * - `families`: each with `family`, `file` and `interfaces`: `name`, `belongs` (networks; null: it leads outside), `proved`,
 *   `spoofed` (`fate`, `decidedBy`, `packets` and `witness` as in the JSON of query), `leftOut` (how many rules more let some in)
 */
export function printSpoofJson(result: SpoofResult, version: string): string {
  const object = {
    schemaVersion,
    tool: { name: 'fwsim', version },
    files: (result.read?.texts ?? []).map((t) => t.name),
    families: result.families.map(({ ruleset, interfaces }) => ({
      family: ruleset.linked.ruleset.family,
      file: ruleset.source.name,
      interfaces: interfaces.map((one) => ({
        name: one.interface,
        belongs: one.belongs === 'outside' ? null : one.belongs.map((r) => networkTextShort(r.network)),
        proved: one.spoofed.length === 0,
        spoofed: one.spoofed.map(({ fate, by, packets, witness }) => ({
          fate,
          decidedBy: deciderJson(by, ruleset.linked.ruleset),
          packets: setJson(packets),
          witness: witnessJson(witness),
        })),
        leftOut: one.leftOut,
      })),
    })),
    couldNotLook: result.couldNotLook ?? null,
  };
  return `${jsonText(object, 2)}\n`;
}
