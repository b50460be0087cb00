/** Scores our printing and our refusals against vectors recorded with the real iptables. */

import type { Registry } from '../extensions/registry.ts';
import { parse } from '../grammar/parse.ts';
import { link } from '../link/link.ts';
import { ruleBody } from '../link/rule-text.ts';

/** A record of the vector files; fields that are not looked at are left out. */
export interface Vector {
  readonly extension?: string;
  readonly group?: string;
  readonly family: 'ip' | 'ip6';
  readonly table: string;
  readonly chain?: string;
  readonly chains?: readonly string[];
  readonly chains_accepted?: readonly string[];
  readonly rule: string;
  readonly accepted: boolean;
  readonly actual?: readonly string[] | null;
  readonly error?: string | null;
}

/** Counts of one group of vectors. */
export interface Score {
  accepted: number;
  printed: number;
  refused: number;
  refusedRight: number;
  refusedAtAll: number;
}

/** Counts in all and by group, and a text for each vector that failed. */
export interface VectorScore {
  readonly total: Score;
  readonly byName: ReadonlyMap<string, Score>;
  readonly failures: readonly string[];
}

const emptyScore = (): Score => ({ accepted: 0, printed: 0, refused: 0, refusedRight: 0, refusedAtAll: 0 });

/** Diagnostics that say a line would not load. */
export const refuses = (d: { readonly severity: string }): boolean => d.severity === 'error';

/** The words that iptables' message quotes, from whichever quotes it uses. */
export function quotedWords(message: string): readonly string[] {
  const first = message.replace(/^.*?\(nf_tables\):/, '').split(' | Error occurred')[0] ?? '';
  return [...first.matchAll(/`([^']*)'|"([^"]*)"|'([^']*)'/g)]
    .map((m) => m[1] ?? m[2] ?? m[3] ?? '')
    .filter((w) => w !== '');
}

/** What we make of one vector: the lines we would save, and the places where we refuse. */
export function runVector(
  v: Vector,
  chain: string,
  registry: Registry,
): { readonly printed: readonly string[]; readonly refusedWords: readonly string[] } {
  const chainRule = `-A ${chain} ${v.rule}`;
  const source = `*${v.table}\n${chainRule}\nCOMMIT\n`;
  const parsed = parse(source);
  const linked = link(parsed, {
    registry,
    family: v.family === 'ip' ? 'ipv4' : 'ipv6',
    setNames: new Set(v.group === undefined ? [] : ['foo', 'bar']),
    keepMeaning: false,
  });
  const printed: string[] = [];
  for (const { ruleset } of linked.rulesets) {
    for (const table of ruleset.tables)
      for (const c of table.chains) for (const rule of c.rules) printed.push(ruleBody(rule));
  }
  const refusedWords = [...parsed.diagnostics, ...linked.diagnostics]
    .filter(refuses)
    .map((d) => (d.span ? source.slice(d.span.start, d.span.end) : ''));
  return { printed, refusedWords };
}

/** Scores vectors by extension (or group) and in all. */
export function scoreVectors(vectors: readonly Vector[], registry: Registry): VectorScore {
  const total = emptyScore();
  const byName = new Map<string, Score>();
  const failures: string[] = [];
  for (const v of vectors) {
    const name = v.extension ?? v.group ?? '';
    const score = byName.get(name) ?? emptyScore();
    byName.set(name, score);
    const add = (key: keyof Score): void => {
      score[key]++;
      total[key]++;
    };
    const chain = (v.accepted ? v.chains_accepted?.[0] : undefined) ?? v.chains?.[0] ?? v.chain ?? 'INPUT';
    const { printed, refusedWords } = runVector(v, chain, registry);
    const show = `${v.family} ${v.table}/${chain} | ${v.rule}`;
    if (v.accepted) {
      add('accepted');
      if (JSON.stringify(printed) === JSON.stringify(v.actual) && refusedWords.length === 0) add('printed');
      else
        failures.push(
          `${show}\n      real: ${(v.actual ?? []).join(' ⏎ ')}\n      ours: ${printed.join(' ⏎ ')}${refusedWords.length > 0 ? `   refused at ${JSON.stringify(refusedWords)}` : ''}`,
        );
      continue;
    }
    add('refused');
    if (refusedWords.length > 0) add('refusedAtAll');
    // A message may quote a word that is not in the line (an option that is missing): any place is right then.
    const wanted = quotedWords(v.error ?? '').filter((w) => v.rule.includes(w));
    const right =
      refusedWords.length > 0 &&
      (wanted.length === 0 || refusedWords.some((w) => wanted.some((q) => w === q || unquote(w) === q)));
    if (right) add('refusedRight');
    else
      failures.push(
        `${show}\n      real: ${v.error}\n      ours: ${refusedWords.length > 0 ? `refused at ${JSON.stringify(refusedWords)}` : 'accepted'}`,
      );
  }
  return { total, byName, failures };
}

const unquote = (w: string): string => w.replace(/^"|"$/g, '').replace(/\\(.)/g, '$1');
