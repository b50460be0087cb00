/** What log lines tell of a ruleset, for the terminal: who wrote them, what decides, and what would mend it. */

import { ruleText } from '../link/rule-text.ts';
import type { Packet } from '../model/packet.ts';
import type { PolicyRef, RuleRef, Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { type Mend, passed } from '../trace/log-mend.ts';
import type { NotWritten } from '../trace/log-origin.ts';
import type { LogGroup, LogResult, LogStory, LogWay } from '../trace/log-story.ts';
import { decidedBy } from '../trace/outcome.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { wrap } from './layout.ts';
import { contextLines, rulesLines } from './machine-header.ts';
import { type RuleBook, ruleBook } from './rule-book.ts';
import { shellCommand, shellQuote } from './shell-quote.ts';
import { missWords } from './trace-misses.ts';
import { deciderWords } from './trace-verdict.ts';
import { assumptionWords, fateWords, packetText } from './trace-words.ts';

/** Ways of one packet that are told. */
const waysShownMax = 4;
/** Rules and prefixes that are named. */
const namedMax = 6;

/** Prints the answer; empty for a question without one. */
export function printLogStory({ story }: LogResult, style: TerminalStyle): string {
  if (!story) return '';
  const blocks: (readonly string[])[] = [];
  const single = story.lineCount === 1;
  blocks.push(headerLines(story, style));
  for (const [index, group] of story.groups.entries())
    blocks.push(groupLines(group, single ? undefined : index + 1, style));
  const rest = restLines(story, style);
  if (rest.length > 0) blocks.push(rest);
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function headerLines(story: LogStory, style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const lines = [...new Set(story.groups.map((g) => g.ruleset))].flatMap((ruleset, index) => {
    const subject = { read: story.read, ruleset, diagnostics: [] };
    // What is known of the machine is the same for both families.
    return [...rulesLines(subject, style), ...(index === 0 ? contextLines(subject, style, () => false) : [])];
  });
  for (const [index, text] of story.assume.entries())
    lines.push(
      ...wrap(`--assume ${shellQuote(text)}`, style, {
        first: `${theme.faint(index === 0 ? 'assumed  ' : '         ')} `,
        rest: ' '.repeat(10),
      }),
    );
  if (story.lineCount > 1) {
    const groups = story.groups.length + story.moreGroupCount;
    lines.push(
      `${theme.faint('log      ')} ${story.lineCount} packets, ${groups} ${groups === 1 ? 'kind' : 'kinds'}`,
    );
  }
  return lines;
}

function restLines(story: LogStory, style: TerminalStyle): readonly string[] {
  const lines: string[] = [];
  const say = (text: string): void => {
    lines.push(...wrap(style.theme.faint(text), style, { rest: '  ' }));
  };
  if (story.moreGroupCount > 0)
    say(
      `and ${story.moreGroupCount} more kinds with ${countWords(story.moreLineCount, 'packet')} (--all shows them)`,
    );
  if (story.withoutRulesCount > 0)
    say(
      `${countWords(story.withoutRulesCount, 'packet')} of the other family: its rules are not given (--with FILE)`,
    );
  if (story.otherLineCount > 0) say(`${countWords(story.otherLineCount, 'line')} about other things`);
  if (story.unreadLineCount > 0)
    say(`${countWords(story.unreadLineCount, 'line')} not read: there are too many`);
  return lines;
}

const countWords = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function groupLines(group: LogGroup, number: number | undefined, style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const { logged, first, last, count } = group;
  const book = ruleBook(group.ruleset.linked.ruleset);
  const lines: string[] = [];
  const say = (text: string, indent = '  '): void => {
    lines.push(...wrap(escapeTerminal(text), style, { first: indent, rest: `${indent}  ` }));
  };
  if (number !== undefined) {
    const span = count === 1 ? `line ${first.lineNumber}` : `lines ${first.lineNumber} to ${last.lineNumber}`;
    const from = group.sourceCount > 1 ? ` from ${group.sourceCount} sources` : '';
    const head = `${number}. ${count === 1 ? '1 packet' : `${count} packets`}: ${escapeTerminal(group.service)}${from}`;
    lines.push(...wrap(`${theme.strong(head)}  ${theme.faint(span)}`, style, { rest: '   ' }));
  }
  const ways = [
    ...(first.inInterface === undefined ? [] : [`in by ${first.inInterface}`]),
    ...(first.outInterface === undefined ? [] : [`out by ${first.outInterface}`]),
    ...(first.physIn === undefined ? [] : [`bridge port ${first.physIn}`]),
  ].join(', ');
  lines.push(
    ...wrap(
      `${theme.strong(escapeTerminal(packetText(first.packet)))}${ways === '' ? '' : ` ${escapeTerminal(ways)}`}`,
      style,
      { first: '  ', rest: '    ' },
    ),
  );
  lines.push('', theme.strong('Written by'));
  lines.push(...writtenLines(group, book, style));
  const before = translationWords(group, book);
  if (before !== undefined) say(before);
  if (logged.origin.ipsec)
    say('it had come out of IPsec: in clear, the rules would not let it come to this line');
  const { connection } = logged.origin;
  if (connection !== undefined && logged.writtenBy.length > 0)
    say(`only as a packet of state ${connection}: the rules let it come to this line in no other`);

  lines.push('', theme.strong('What decides'));
  for (const way of group.ways.slice(0, waysShownMax)) lines.push(...decisionLines(way, group, book, style));
  if (group.ways.length > waysShownMax)
    lines.push(theme.faint(`  and ${group.ways.length - waysShownMax} more ways`));

  const mended = group.ways.filter((w) => w.mend !== undefined);
  if (mended.length > 0) {
    lines.push('', theme.strong('To let it pass'));
    const told = new Set<string>();
    for (const { mend } of mended.slice(0, waysShownMax)) {
      if (!mend) continue;
      const text = mendLines(mend, group, book, style);
      const key = text.join('\n');
      if (told.has(key)) continue;
      told.add(key);
      lines.push(...text);
    }
  }
  return lines;
}

function ruleLine(ref: { readonly line: number }, number: number, text: string, style: TerminalStyle) {
  const line = ref.line > 0 ? String(ref.line) : '';
  return wrap(escapeTerminal(text), style, {
    first: `${style.theme.faint(line.padStart(6))}  ${style.theme.faint(`#${number}`)} `,
    rest: ' '.repeat(12),
  });
}

function writtenLines(group: LogGroup, book: RuleBook, style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const { logged, others, first } = group;
  const lines: string[] = [];
  const say = (text: string, indent = '  '): void => {
    lines.push(...wrap(escapeTerminal(text), style, { first: indent, rest: `${indent}  ` }));
  };
  for (const { rule } of logged.writtenBy)
    lines.push(...ruleLine(rule, rule.index + 1, ruleText(rule), style));
  if (logged.writtenBy.length > 1) say('each of them: the packet passes all');
  if (logged.candidates.length === 0) {
    say(
      first.prefix.trim() === ''
        ? 'no rule: every LOG rule here writes a prefix, and the line has none'
        : `no rule: none here writes the prefix "${first.prefix}"`,
    );
    const known = group.knownPrefixes.filter((p) => p !== '').map((p) => `"${p}"`);
    if (known.length > 0) {
      const more = known.length > namedMax ? `, and ${known.length - namedMax} more` : '';
      say(`prefixes here: ${known.slice(0, namedMax).join(', ')}${more}`, '    ');
    }
    say('the rules may have changed since, or the line is of another machine', '    ');
  } else if (logged.writtenBy.length === 0)
    say('no rule: those with its prefix do not see such a packet. The rules may have changed since');
  for (const { rule, because } of others.slice(0, namedMax)) {
    lines.push(...ruleLine(rule.rule, rule.rule.index + 1, ruleText(rule.rule), style));
    lines.push(
      ...wrap(
        theme.faint(
          escapeTerminal(`not this one: ${notWrittenWords(because, rule.rule.table, book, rule.rule)}`),
        ),
        style,
        {
          first: ' '.repeat(12),
          rest: ' '.repeat(14),
        },
      ),
    );
  }
  if (others.length > namedMax)
    lines.push(theme.faint(`  and ${others.length - namedMax} more with this prefix`));
  return lines;
}

function notWrittenWords(
  because: NotWritten,
  table: string,
  book: RuleBook,
  rule: Parameters<typeof missWords>[1],
): string {
  switch (because.kind) {
    case 'hook':
      return because.hooks.length === 0
        ? 'no packet comes to its chain'
        : `it sees packets in ${table} ${because.hooks.join(', ')}, where none has these interfaces`;
    case 'miss': {
      const { condition, has } = missWords(because.because, rule, because);
      return `${condition}${has === undefined ? '' : `, the packet has: ${has}`}`;
    }
    case 'not-reached':
      return because.decidedBy
        ? `the packet does not come to it: ${deciderWords(because.decidedBy, book)} decides`
        : 'the packet does not come to it';
  }
}

function translationWords({ logged, first }: LogGroup, book: RuleBook): string | undefined {
  const { translatedBy, packet } = logged.origin;
  if (!translatedBy) return undefined;
  const port = first.packet.dport === undefined ? '' : `:${first.packet.dport}`;
  const address = logged.origin.standIn ? "this machine's address" : addressText(packet.dst);
  const before =
    packet.dport === undefined ? '' : logged.origin.standIn ? `, port ${packet.dport}` : `:${packet.dport}`;
  const began = `${address}${before}`;
  return `it was sent to ${began}; ${deciderWords(translatedBy, book)} had made that ${addressText(first.packet.dst)}${port} by then`;
}

function decisionLines(
  { branch }: LogWay,
  group: LogGroup,
  book: RuleBook,
  style: TerminalStyle,
): readonly string[] {
  const { trace } = branch;
  const lines: string[] = [];
  const conditions =
    group.ways.length > 1 ? branch.assumptions.filter((a) => !branch.immaterial.includes(a)) : [];
  if (conditions.length > 0)
    lines.push(
      ...wrap(escapeTerminal(`if ${conditions.map(assumptionWords).join(', and ')}:`), style, {
        first: '  ',
        rest: '    ',
      }),
    );
  lines.push(...storyLines(trace, group, book, style));
  lines.push(...endLines(trace, book, style));
  return lines;
}

/** Rules that matched between the line and the end, but for those that decide. */
function storyLines(trace: Trace, group: LogGroup, book: RuleBook, style: TerminalStyle): readonly string[] {
  const written = new Set(group.logged.writtenBy.map((r) => r.rule.id));
  const start = trace.events.findIndex((e) => e.kind === 'log' && written.has(e.rule.id));
  if (start < 0) return [];
  const at = decidedBy(trace);
  const decider = at && !('policy' in at) ? at.id : undefined;
  const lines: string[] = [];
  for (const event of trace.events.slice(start + 1)) {
    if (event.kind !== 'rule' || event.rule.id === decider) continue;
    const rule = book.rule(event.rule);
    if (rule) lines.push(...ruleLine(event.rule, event.rule.number, ruleText(rule), style));
  }
  return lines.length > namedMax * 2
    ? [...lines.slice(0, namedMax * 2), style.theme.faint('        …')]
    : lines;
}

function endLines(trace: Trace, book: RuleBook, style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const { fate } = trace;
  const { word, rest, tone } = fateWords(fate);
  const paint = { accept: theme.verdictAccept, drop: theme.verdictDrop, other: theme.verdictOther }[tone];
  const at = decidedBy(trace);
  const lines: string[] = [];
  const joined = rest === '' || /^[,:]/.test(rest) ? rest : ` ${rest}`;
  const by = at ? deciderWords(at, book) : undefined;
  const sentence = passed(fate)
    ? `${joined}${by === undefined ? '' : `: ${by} accepts it`}`
    : `${joined}${by === undefined ? '' : ` by ${by}`}`;
  lines.push(...wrap(`${paint(word)}${escapeTerminal(sentence)}`, style, { first: '  ', rest: '    ' }));
  if (at) lines.push(...deciderLines(at, book, style));
  if (fate.kind === 'route-drop' || fate.kind === 'ingress-drop' || fate.kind === 'send-error')
    lines.push('    the rules are not the cause');
  return lines;
}

function deciderLines(at: RuleRef | PolicyRef, book: RuleBook, style: TerminalStyle): readonly string[] {
  if ('policy' in at) {
    const chain = book.chain(at.table, at.chain);
    const line = (chain?.line ?? 0) > 0 ? String(chain?.line) : '';
    return wrap(escapeTerminal(`:${at.chain} ${chain?.policy ?? ''}`), style, {
      first: `${style.theme.faint(line.padStart(6))}  `,
      rest: ' '.repeat(10),
    });
  }
  const rule = book.rule(at);
  return rule ? ruleLine(at, at.number, ruleText(rule), style) : [];
}

/** The words of a command that inserts the rule. */
export function mendCommand(rule: Mend['rules'][number], family: Packet['family']): string {
  return shellCommand([
    family === 'ipv4' ? 'iptables' : 'ip6tables',
    ...(rule.table === 'filter' ? [] : ['-t', rule.table]),
    '-I',
    rule.chain,
    String(rule.number),
    ...rule.words,
  ]);
}

/** Breaks a command behind words, with what the shell needs to read on. */
function commandLines(command: string, style: TerminalStyle): readonly string[] {
  const lines = wrap(command, { columns: style.columns - 2 }, { first: '  ', rest: '      ' });
  return lines.map((line, index) => {
    const indent = /^ */.exec(line)?.[0] ?? '';
    return `${indent}${style.theme.command(line.slice(indent.length))}${index < lines.length - 1 ? ' \\' : ''}`;
  });
}

function mendLines(mend: Mend, group: LogGroup, book: RuleBook, style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const lines: string[] = [];
  const say = (text: string, indent = '  '): void => {
    lines.push(...wrap(escapeTerminal(text), style, { first: indent, rest: `${indent}  ` }));
  };
  for (const warning of mend.warnings) {
    const text = warningWords(warning, book);
    if (text !== undefined)
      lines.push(
        ...wrap(`${theme.warning('careful:')} ${escapeTerminal(text)}`, style, { first: '  ', rest: '    ' }),
      );
  }
  for (const rule of mend.rules) {
    lines.push(...commandLines(escapeTerminal(mendCommand(rule, group.family)), style));
    const logs = rule.beforeLog ? ', which logs it' : '';
    say(
      'policy' in rule.before
        ? `at the end of ${rule.table} ${rule.chain}, in front of its policy`
        : `in front of ${deciderWords(rule.before, book)}${logs}`,
      '    ',
    );
  }
  if (mend.rules.length === 0) {
    say('no single rule does it');
    return lines;
  }
  if (!mend.proved || !mend.fate) {
    say(
      mend.fate
        ? `not enough: with it the packet is still ${fateWords(mend.fate).word}`
        : 'not proved: the walk came to no end',
      '    ',
    );
    return lines;
  }
  const { word, rest } = fateWords(mend.fate);
  say(`proved: walked through the rules with it, the packet is ${word} ${rest}`, '    ');
  for (const text of opensWords(mend, group)) say(text, '    ');
  return lines;
}

function warningWords(warning: Mend['warnings'][number], book: RuleBook): string | undefined {
  switch (warning.kind) {
    case 'invalid':
      return 'to conntrack the packet is INVALID: it belongs to no connection it knows, or arrives by another way than its answers. An accept is not the mend; find out why it is INVALID (asymmetric routing, an expired connection)';
    case 'limit':
      return `${deciderWords(warning.rule, book)} counts such packets and its limit was used up: an accept in front of it takes the limit away. Raise the limit instead, if so many are right`;
    case 'unknown-connection':
      return `this is no first packet. Those of known connections pass${warning.by ? ` (${deciderWords(warning.by, book)})` : ''}; this one's was not known: ended, expired, or never seen here. An accept is mostly not the mend`;
    case 'no-rule-for-connections':
      return 'this is no first packet, and the rules refuse those of known connections, too: what is missing is the rule for answers';
  }
}

/** What else comes in by the rule. */
function opensWords(mend: Mend, { first, count, sourceCount }: LogGroup): readonly string[] {
  const [rule] = mend.rules;
  if (!rule) return [];
  if (rule.words.includes('--ctstate'))
    return [
      'it opens: every packet of connections that were let begin, in both directions, and errors about them',
    ];
  const source = addressText(first.packet.src);
  const texts = [
    mend.opensOtherSourcePorts
      ? `it opens at least: the same from every other source port of ${source} (another one was walked, too), also packets that open no connection`
      : `it opens at least: all such packets of ${source}, also those that open no connection`,
  ];
  if (count > 1 && sourceCount > 1) texts.push(`of the ${sourceCount} sources it is for this one alone`);
  if (mend.callers.length > 1)
    texts.push(`${rule.chain} is entered from ${mend.callers.length} rules: it counts for all of them`);
  return texts;
}
