/** Whose rules an answer speaks of, what it was told beside them, and what it does not cover: the head of answers. */

import { listInferences } from '../context/machine.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { ReadMachine, ReadRuleset } from '../link/read-machine.ts';
import type { Fact } from '../model/machine.ts';
import { notCovered } from '../trace/not-covered.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { wrapUnbroken } from './layout.ts';
import { outsideWords } from './trace-next.ts';

const labelColumns = 9;

/** What an answer is about. */
export interface RulesSubject {
  readonly read: ReadMachine;
  readonly ruleset: ReadRuleset;
  readonly diagnostics: readonly Diagnostic[];
}

/** One labelled paragraph; the text is escaped already. */
export function labelled(label: string, text: string, style: TerminalStyle): readonly string[] {
  return wrapUnbroken(text, style, {
    first: `${style.theme.faint(label.padEnd(labelColumns))} `,
    rest: ' '.repeat(labelColumns + 1),
  });
}

/** Name of the file, host, family, loader and date of the rules. */
export function rulesLines({ read, ruleset }: RulesSubject, style: TerminalStyle): readonly string[] {
  const { linked, source } = ruleset;
  const { theme } = style;
  const about = [
    linked.ruleset.family === 'ipv4' ? 'IPv4' : 'IPv6',
    linked.familyUndecided ? '(not said in the dump)' : '',
    `iptables ${linked.ruleset.version} (${linked.ruleset.backend === 'nft' ? 'nf_tables' : 'legacy'})`,
  ].filter((word) => word !== '');
  const date = linked.date === undefined ? 'without a date' : `of ${linked.date}`;
  const name = read.machine.hostName.value;
  const host = name === undefined ? '' : `, host ${escapeTerminal(name)}`;
  return labelled(
    'rules',
    `${theme.strong(escapeTerminal(source.name))}${host}, ${about.join(' ')}, ${escapeTerminal(date)}`,
    style,
  );
}

/** Context that was given, what is missing of it, what was inferred, what else may filter, lines not read. */
export function contextLines(
  { read, ruleset, diagnostics }: RulesSubject,
  style: TerminalStyle,
  tellInference: (inference: { readonly what: string; readonly source: string }) => boolean,
): readonly string[] {
  const { machine } = read;
  const { theme } = style;
  const facts: readonly (readonly [name: string, fact: Fact<unknown> | undefined])[] = [
    ['addresses', machine.interfaces],
    ['routes', machine.routes],
    ['sysctls', machine.sysctls],
    ['sets', machine.sets],
    ['sockets', machine.listeners],
    ['nft tables', machine.nativeTables],
  ];
  const given = facts.filter(([, fact]) => fact?.provenance === 'given');
  const lines: string[] = [];
  if (given.length > 0) {
    const text = given.map(([name, fact]) => `${name} (${escapeTerminal(fact?.source ?? '')})`).join(', ');
    lines.push(...labelled('given', text, style));
  }
  const missing = (['addresses', 'routes', 'sysctls'] as const).filter(
    (name) => facts.find(([n]) => n === name)?.[1]?.provenance !== 'given',
  );
  if (missing.length > 0) lines.push(...labelled('not given', theme.faint(missing.join(', ')), style));
  for (const [index, { what, source }] of listInferences(machine).filter(tellInference).entries())
    lines.push(
      ...labelled(
        index === 0 ? 'inferred' : '',
        `${escapeTerminal(what)}  ${theme.faint(`(${escapeTerminal(source)})`)}`,
        style,
      ),
    );
  const outside = notCovered(read, ruleset);
  const present = outside.filter((o) => o.present);
  const unknown = outside.filter((o) => !o.present);
  const { backend } = ruleset.linked.ruleset;
  const unseen = [
    ...(present.length > 0 ? [escapeTerminal(outsideWords(present, backend))] : []),
    ...(unknown.length > 0 ? [theme.faint(escapeTerminal(outsideWords(unknown, backend)))] : []),
  ];
  if (unseen.length > 0) lines.push(...labelled('not seen', unseen.join('; '), style));
  const unread = unreadLineCount(diagnostics);
  if (unread > 0)
    lines.push(
      ...labelled(
        'not read',
        `${unread} ${unread === 1 ? 'line' : 'lines'} that would not load; fwsim lint shows them`,
        style,
      ),
    );
  return lines;
}

/** Lines that would not load; what is merely not known here is no such line. */
export function unreadLineCount(diagnostics: readonly Diagnostic[]): number {
  return diagnostics.filter(
    (d) => d.severity === 'error' && d.id !== 'unknown-match' && d.id !== 'unknown-target',
  ).length;
}
