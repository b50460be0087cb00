/** What became of fixes: a patch for programs, and what there is to know of it for people. */

import type { MachineDiff } from '../analysis/diff-machines.ts';
import type { ChosenFix, FixResult } from '../lint/fixes/fix-machine.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { printDiff } from './diff.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { rulesetPlace } from './finding-place.ts';
import { wrap } from './layout.ts';
import { createTheme } from './theme.ts';
import { type UnifiedDiff, unifiedDiff } from './unified-diff.ts';

/** How many fixes of one kind are named. */
const namedMax = 20;

/**
 * The patch of a machine. Where it changes what becomes of packets, these are told above it, in lines that begin with
 * `#`, which `patch` and `git apply` pass over.
 */
export function printFixPatch({ first, texts, compared }: FixResult): UnifiedDiff {
  const patches = first.read.texts.map((old, index) =>
    unifiedDiff(old.name, old.text, texts[index]?.text ?? old.text),
  );
  const text = patches.map((patch) => patch.text).join('');
  const told = compared === undefined ? '' : comparison(compared);
  return { text: `${told}${text}`, exact: patches.every((patch) => patch.exact) };
}

function comparison(compared: MachineDiff): string {
  const { read } = compared.new;
  // The changed text is in no file yet: commands about it name the file that a reader would make.
  const now = { ...compared.new, read: { ...read, texts: read.texts.map(newName) } };
  const style = { columns: 110, theme: createTheme(false) };
  const text = printDiff({ compared: { ...compared, new: now } }, style, { all: true });
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `# ${line}`.trimEnd())
    .concat('#', '')
    .join('\n');
}

function newName<T extends { readonly name: string }>(source: T): T {
  return source.name === '<stdin>' ? source : { ...source, name: `${source.name}.new` };
}

/** What was applied and what was not, and why. */
export function printFixSummary(result: FixResult, style: TerminalStyle): string {
  const { safe, unsafe, left, last } = result;
  const { theme } = style;
  const lines: string[] = [];
  const list = (head: string, items: readonly string[]): void => {
    if (items.length === 0) return;
    lines.push(...wrap(theme.strong(`${head}:`), style, {}));
    for (const item of items.slice(0, namedMax))
      lines.push(...wrap(item, style, { first: '  ', rest: '    ' }));
    if (items.length > namedMax) lines.push(theme.faint(`  and ${items.length - namedMax} more`));
  };
  list(
    safe.length === 1
      ? '1 change that treats every packet alike, proved over all packets'
      : `${safe.length} changes that treat every packet alike, proved over all packets`,
    safe.map(sayWhere),
  );
  list(
    `${unsafe.length} ${unsafe.length === 1 ? 'change' : 'changes'} of what becomes of packets`,
    unsafe.map(sayWhere),
  );
  list(
    'not applied',
    left.map((one) => `${sayWhere(one)}: ${escapeTerminal(one.why)}`),
  );
  const others = last.findings.flatMap((finding) =>
    (finding.fixes ?? []).slice(0, 1).map((fix) => ({ finding, fix })),
  );
  const count = (kind: ChosenFix['fix']['applicability']): number =>
    others.filter(({ fix }) => fix.applicability === kind).length;
  const more = [
    [count('unsafe'), 'by --unsafe-fixes'],
    [count('suggestion'), 'by hand (--show-fix tells how)'],
  ] as const;
  const words = more.filter(([n]) => n > 0).map(([n, how]) => `${n} ${how}`);
  const findings = last.findings.length;
  lines.push(
    ...wrap(
      `${findings === 0 ? 'nothing is left' : `${findings} ${findings === 1 ? 'finding is' : 'findings are'} left`}${words.length === 0 ? '' : `, of which can be mended ${words.join(', ')}`}`,
      style,
      {},
    ),
  );
  return `${lines.join('\n')}\n`;
}

/** Later rounds speak of rules as they stood by then: the table and chain are what holds. */
function sayWhere({ finding, fix }: ChosenFix): string {
  const where = rulesetPlace(finding);
  return escapeTerminal(`${finding.code}: ${fix.title}${where === '' ? '' : ` (${where.split(' #')[0]})`}`);
}
