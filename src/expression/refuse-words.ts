/** What is wrong with the words of an expression, each complaint at its word. */

import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { didYouMean } from '../diagnostics/did-you-mean.ts';
import type { BoundRule } from '../link/bind-rule.ts';
import { ownOptions } from './own-options.ts';

/** Notes a complaint; `word` is an index into the words as they were typed, the whole expression without one. */
export type Refuse = (id: string, message: string, word?: number, hint?: string) => void;

/** Collects complaints about words; spans are offsets into `text`, the words joined by single blanks. */
export function wordRefuser(words: readonly string[]): {
  readonly text: string;
  readonly problems: readonly Diagnostic[];
  readonly refuse: Refuse;
} {
  const text = words.join(' ');
  const problems: Diagnostic[] = [];
  const refuse: Refuse = (id, message, word = -1, hint) => {
    let start = 0;
    for (const before of words.slice(0, Math.max(word, 0))) start += before.length + 1;
    const end = word < 0 ? text.length : start + (words[word]?.length ?? 0);
    problems.push(
      diagnostic({
        code: 'FW901',
        id,
        severity: 'error',
        message,
        span: { start, end },
        ...(hint === undefined ? {} : { hint }),
      }),
    );
  };
  return { text, problems, refuse };
}

/** Says what no packet can have: problems of the options themselves, targets, commands, unknown matches. */
export function refuseWords(
  bound: BoundRule,
  rest: readonly string[],
  indices: readonly number[],
  refuse: Refuse,
): void {
  const at = (word: number): number => (word < 0 ? -1 : (indices[word] ?? -1));
  for (const p of bound.problems) {
    if (p.severity !== 'error') continue;
    const meant = p.id === 'unknown-option' ? didYouMean(rest[p.word] ?? '', ownOptions) : undefined;
    refuse(p.id, p.message, at(p.word), meant === undefined ? p.hint : `did you mean "${meant}"?`);
  }
  if (bound.target.kind !== 'none')
    refuse('target-in-packet', 'A packet has no target', at(bound.targetWord), 'leave -j and -g out');
  if (bound.command)
    refuse(
      'command-in-packet',
      `A packet is written without -${bound.command.letter}`,
      at(bound.command.word),
      'only match options: -i eth0 -p tcp -s ADDRESS --dport 80',
    );
  const refused = bound.problems.some((p) => p.severity === 'error');
  for (const use of bound.matches) {
    if (!use.known && !refused)
      refuse(
        'unknown-match',
        `Nothing is known of the match "${use.extension}", so no packet can be made for it`,
        at(rest.indexOf(use.extension)),
      );
  }
}
