/** One rule of the tree to one bound rule: lines that were wrapped, words that were cut. */

import type { Span } from '../diagnostics/diagnostic.ts';
import type { SyntaxTree } from '../grammar/syntax-tree.ts';
import type { BoundRule } from './bind-rule.ts';
import { joinedWords, type LineWords, unpaddedWords, wordsOfRule } from './line-words.ts';
import type { Reporter } from './reporter.ts';

/** How many lines a rule may have been wrapped over. */
const wrappedLinesMax = 4;

/** How a rule was read: perhaps together with lines below, or with a word put together again. */
export interface Reading {
  readonly words: LineWords;
  readonly bound: BoundRule;
  readonly lastNode: number;
  readonly note?: Parameters<Reporter['span']>;
}

/**
 * Reads the rule at a node. Where it cannot be read as it stands but together with the lines below it, or with a
 * word put together again, it is read like that: one way must make sense, and no other.
 *
 * @param to the node behind the last line that may belong to it
 */
export function readRule(
  tree: SyntaxTree,
  node: number,
  to: number,
  bind: (words: LineWords, commandLine: boolean) => BoundRule,
): Reading {
  const words = wordsOfRule(tree, node);
  const commandLine = tree.program(node) !== undefined;
  const bound = bind(words, commandLine);
  const plain: Reading = { words, bound, lastNode: node };
  if (commandLine || !bound.command) return plain;
  // A match that nobody knows is no sign of a cut: it may be known elsewhere.
  const whole = (b: BoundRule): boolean =>
    b.problems.every((p) => p.severity !== 'error' || p.id === 'unknown-match');

  let readings: readonly LineWords[] = [words];
  for (let last = node + 1; last < node + wrappedLinesMax && continues(tree, last, to); last++) {
    readings = readings.flatMap((r) => joinedWords(r, tree, last)).slice(0, 8);
    for (const joined of readings) {
      const together = bind(joined, false);
      if (!whole(together)) continue;
      const start = tree.offset(last);
      return {
        words: joined,
        bound: together,
        lastNode: last,
        note: [
          'wrapped-line',
          'error',
          'This line continues the rule above: read as one line, but iptables-restore reads two',
          { start, end: start + tree.text(last).length },
          'put the rule on one line',
        ],
      };
    }
  }
  if (!whole(bound)) {
    for (const unpadded of unpaddedWords(words)) {
      const mended = bind(unpadded, false);
      if (!whole(mended)) continue;
      const at = unpadded.places().find((w) => /\s{8}/.test(tree.source.slice(w.start, w.end)));
      return {
        words: unpadded,
        bound: mended,
        lastNode: node,
        note: [
          'wrapped-word',
          'error',
          `This word was cut by the end of a terminal's line: read as "${at?.text ?? ''}"`,
          firstPiece(tree.source, at ?? { start: tree.offset(node), end: tree.offset(node) }),
          'take the blanks out',
        ],
      };
    }
  }
  return plain;
}

/** The part of a span in front of its first blank. */
function firstPiece(source: string, { start, end }: Span): Span {
  const blank = source.slice(start, end).search(/\s/);
  return { start, end: blank < 0 ? end : start + blank };
}

/** Whether a line can be the rest of the rule on the line above it: nothing that begins a line of its own. */
function continues(tree: SyntaxTree, node: number, to: number): boolean {
  if (node >= to) return false;
  const kind = tree.kind(node);
  if (kind !== 'loose') {
    if (kind !== 'rule' || tree.program(node) !== undefined || tree.ruleCounters(node) !== undefined)
      return false;
    for (let k = 0; k < tree.groupCount(node); k++) {
      const { option } = tree.group(tree.groupId(node, k));
      if (
        /^-[AIDRNXPFZELSC]|^--(?:append|insert|delete|replace|new|policy|flush|zero|rename|list|check)/.test(
          option,
        )
      )
        return false;
    }
  }
  // No empty line in between: only this line's own line end.
  const before = tree.source.slice(tree.offset(node - 1) + tree.text(node - 1).length, tree.offset(node));
  return /^\r?\n[ \t]*$/.test(before);
}
