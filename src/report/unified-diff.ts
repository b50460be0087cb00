/** The difference of two texts as a patch that `patch` and `git apply` take. */

import { escapeTerminal } from './escape-terminal.ts';

/** Unchanged lines around a change. */
const contextLines = 3;
/** Changed lines beyond which the shortest patch is no longer looked for: one piece takes the place of another then. */
const changesMax = 2000;

/** A line that stays, goes or comes; numbers are 0-based lines of each text. */
interface Step {
  readonly kind: ' ' | '-' | '+';
  readonly text: string;
  readonly oldLine: number;
  readonly newLine: number;
}

/** A patch, and whether it says every line as it is. */
export interface UnifiedDiff {
  readonly text: string;
  /** False: a line holds control characters, which are shown instead of printed; the patch does not apply then. */
  readonly exact: boolean;
}

/** The patch that makes the one text of the other; empty where they are equal. */
export function unifiedDiff(name: string, old: string, now: string): UnifiedDiff {
  if (old === now) return { text: '', exact: true };
  const steps = stepsOf(linesOf(old), linesOf(now));
  const lines = [`--- ${escapeTerminal(name)}`, `+++ ${escapeTerminal(name)}`];
  let exact = true;
  for (const hunk of hunksOf(steps)) {
    lines.push(headOf(hunk));
    for (const { kind, text } of hunk) {
      const cut = text.replace(/\r?\n$/, '');
      const shown = cut
        .split('\t')
        .map((part) => escapeTerminal(part))
        .join('\t');
      exact &&= shown === cut;
      lines.push(`${kind}${shown}${text.endsWith('\r\n') ? '\r' : ''}`);
      if (!text.endsWith('\n')) lines.push('\\ No newline at end of file');
    }
  }
  return { text: `${lines.join('\n')}\n`, exact };
}

/** Lines with their line ends. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]+\n?|\n/g) ?? [];
}

function stepsOf(old: readonly string[], now: readonly string[]): readonly Step[] {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const a = old.slice(start, old.length - end);
  const b = now.slice(start, now.length - end);
  const steps: Step[] = [];
  let i = 0;
  let j = 0;
  const stay = (): void => {
    steps.push({ kind: ' ', text: old[i] ?? '', oldLine: i, newLine: j });
    i++;
    j++;
  };
  const go = (): void => {
    steps.push({ kind: '-', text: old[i] ?? '', oldLine: i, newLine: j });
    i++;
  };
  const come = (): void => {
    steps.push({ kind: '+', text: now[j] ?? '', oldLine: i, newLine: j });
    j++;
  };
  while (i < start) stay();
  for (const [x, y] of commonLines(a, b)) {
    while (i < start + x) go();
    while (j < start + y) come();
    stay();
  }
  while (i < start + a.length) go();
  while (j < start + b.length) come();
  while (i < old.length) stay();
  return steps;
}

/**
 * Pairs of equal lines, as many as there can be, in order. Source: E. Myers, An O(ND) Difference Algorithm and Its
 * Variations, 1986, figure 2.
 */
function commonLines(
  a: readonly string[],
  b: readonly string[],
): readonly (readonly [inA: number, inB: number])[] {
  const reach: number[][] = [];
  const most = Math.min(a.length + b.length, changesMax);
  for (let d = 0, last: readonly number[] = [0, 0, 0]; d <= most; d++) {
    // `row[k + d + 1]` is how far the furthest way with d changes gets on diagonal k; `last` is the row before.
    const row: number[] = new Array<number>(2 * d + 3).fill(-1);
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (last[k - 1 + d] ?? -1) < (last[k + 1 + d] ?? -1));
      let x = d === 0 ? 0 : down ? (last[k + 1 + d] ?? 0) : (last[k - 1 + d] ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      row[k + d + 1] = x;
      if (x >= a.length && x - k >= b.length) {
        reach.push(row);
        return pairsOf(reach, a.length, b.length);
      }
    }
    reach.push(row);
    last = row;
  }
  return [];
}

/** Walks the ways back from the end. */
function pairsOf(reach: readonly (readonly number[])[], aLength: number, bLength: number) {
  const pairs: [number, number][] = [];
  let x = aLength;
  let y = bLength;
  for (let d = reach.length - 1; d >= 0; d--) {
    const k = x - y;
    const last = reach[d - 1];
    let fromX = 0;
    let fromY = 0;
    let afterX = 0;
    if (last !== undefined) {
      const down = k === -d || (k !== d && (last[k - 1 + d] ?? -1) < (last[k + 1 + d] ?? -1));
      fromX = (down ? last[k + 1 + d] : last[k - 1 + d]) ?? 0;
      fromY = fromX - (down ? k + 1 : k - 1);
      afterX = down ? fromX : fromX + 1;
    }
    while (x > afterX) pairs.push([--x, --y]);
    x = fromX;
    y = fromY;
  }
  return pairs.reverse();
}

/** Changes with the lines around them; those that are near each other share a piece. */
function hunksOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const hunks: Step[][] = [];
  let upTo = 0;
  for (const [at, { kind }] of steps.entries()) {
    if (kind === ' ') continue;
    const from = Math.max(at - contextLines, upTo);
    const to = Math.min(at + contextLines + 1, steps.length);
    const last = hunks.at(-1);
    if (last !== undefined && from <= upTo) for (const one of steps.slice(upTo, to)) last.push(one);
    else hunks.push(steps.slice(from, to));
    upTo = Math.max(upTo, to);
  }
  return hunks;
}

function headOf(hunk: readonly Step[]): string {
  const [first] = hunk;
  const olds = hunk.filter(({ kind }) => kind !== '+').length;
  const news = hunk.filter(({ kind }) => kind !== '-').length;
  const range = (line: number, count: number): string => {
    const begin = count === 0 ? line : line + 1;
    return count === 1 ? `${begin}` : `${begin},${count}`;
  };
  return `@@ -${range(first?.oldLine ?? 0, olds)} +${range(first?.newLine ?? 0, news)} @@`;
}
