/** The words of a rule, which may come from more than one line of the source. */

import type { Span } from '../diagnostics/diagnostic.ts';
import type { SyntaxTree } from '../grammar/syntax-tree.ts';
import type { Word } from '../grammar/words.ts';
import type { RuleProblemInit } from './rule-problem.ts';

/** Words as the binder takes them; their places are found only when they are asked for. */
export interface LineWords {
  readonly texts: readonly string[];
  places(): readonly Word[];
}

/** The words of one rule line, without its counters. */
export function wordsOfRule(tree: SyntaxTree, node: number): LineWords {
  const texts: string[] = [];
  for (let k = 0, n = tree.groupCount(node); k < n; k++) {
    const g = tree.group(tree.groupId(node, k));
    if (g.negated) texts.push('!');
    texts.push(g.option);
    for (const w of g.words) texts.push(w);
  }
  return new RuleWords(tree, node, texts);
}

/** A class, since every rule has one, and hardly any is asked for places. */
class RuleWords implements LineWords {
  private readonly tree: SyntaxTree;
  private readonly node: number;
  readonly texts: readonly string[];

  constructor(tree: SyntaxTree, node: number, texts: readonly string[]) {
    this.tree = tree;
    this.node = node;
    this.texts = texts;
  }

  places(): readonly Word[] {
    return placesOfRule(this.tree, this.node);
  }
}

function placesOfRule(tree: SyntaxTree, node: number): readonly Word[] {
  const words = tree.words(node);
  return tree.kind(node) === 'rule' && tree.ruleCounters(node) !== undefined ? words.slice(1) : words;
}

/** Where in the source a problem is. A line without words gives its beginning. */
export function placeOfProblem(
  words: LineWords,
  problem: RuleProblemInit,
  source: string,
  offset: number,
): Span {
  const places = words.places();
  const word = problem.word < 0 ? undefined : places[problem.word];
  const first = places[0];
  const last = places.at(-1);
  if (!word) return { start: first?.start ?? offset, end: last?.end ?? offset };
  if (problem.part !== undefined && problem.part !== '') {
    const at = source.slice(word.start, word.end).indexOf(problem.part);
    if (at >= 0) return { start: word.start + at, end: word.start + at + problem.part.length };
  }
  return { start: word.start, end: word.end };
}

/** How a line may go on in the line below, the likelier way first. */
export function joinedWords(above: LineWords, tree: SyntaxTree, below: number): readonly LineWords[] {
  const a = above.places();
  const b = placesOfRule(tree, below);
  const asWritten = fixedWords([...a, ...b]);
  const last = a.at(-1);
  const first = b[0];
  if (!last || !first || last.quoted || first.quoted) return [asWritten];
  return [asWritten, fixedWords([...a.slice(0, -1), glued(last, first), ...b.slice(1)])];
}

/** A run of blanks that nobody types: a terminal filled its lines with them, and the text was copied. */
const paddingMin = 8;
const paddingsMax = 3;

/** The line read as if runs of blanks in it were the ends of a terminal's lines, within a word. */
export function unpaddedWords(words: LineWords): readonly LineWords[] {
  const places = words.places();
  const gaps: number[] = [];
  for (let k = 0; k + 1 < places.length; k++) {
    const [a, b] = [places[k] as Word, places[k + 1] as Word];
    if (b.start - a.end >= paddingMin && !a.quoted && !b.quoted) gaps.push(k);
  }
  if (gaps.length === 0 || gaps.length > paddingsMax) return [];
  const out: LineWords[] = [];
  for (let choice = 1; choice < 1 << gaps.length; choice++) {
    const merged: Word[] = [];
    places.forEach((word, k) => {
      const before = merged.at(-1);
      const gap = gaps.indexOf(k - 1);
      if (before && gap >= 0 && (choice >> gap) & 1) merged[merged.length - 1] = glued(before, word);
      else merged.push(word);
    });
    out.push(fixedWords(merged));
  }
  return out;
}

const glued = (a: Word, b: Word): Word => ({
  text: a.text + b.text,
  quoted: false,
  start: a.start,
  end: b.end,
});

const fixedWords = (places: readonly Word[]): LineWords => ({
  texts: places.map((w) => w.text),
  places: () => places,
});
