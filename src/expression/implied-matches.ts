/** Fields of a packet that may be said without the `-m` that a rule would need in front of them. */

import type { Registry } from '../extensions/registry.ts';
import type { Family } from '../net/address.ts';

/** Options that give a packet one value, with the match that owns them in rules. */
const owners: Readonly<Record<string, string>> = {
  '--mark': 'mark',
  '--uid-owner': 'owner',
  '--gid-owner': 'owner',
  '--ctstate': 'conntrack',
  '--ctdir': 'conntrack',
  '--state': 'state',
  '--mac-source': 'mac',
  '--ttl-eq': 'ttl',
  '--hl-eq': 'hl',
  '--length': 'length',
  '--tos': 'tos',
  '--dscp': 'dscp',
  '--dscp-class': 'dscp',
  '--pkt-type': 'pkttype',
  '--physdev-in': 'physdev',
  '--physdev-out': 'physdev',
};

/** Words of an expression, each with the place that it had among those that were typed. */
export interface PlacedWords {
  readonly words: readonly string[];
  readonly indices: readonly number[];
}

/** Puts `-m NAME` in front of such an option where no match that was named owns it; its place is the option's. */
export function withImpliedMatches(given: PlacedWords, registry: Registry, family: Family): PlacedWords {
  const named = new Set<string>();
  const words: string[] = [];
  const indices: number[] = [];
  for (const [at, word] of given.words.entries()) {
    const before = given.words[at - 1];
    const index = given.indices[at] ?? -1;
    if (before === '-m' || before === '--match') named.add(word);
    const owner = Object.hasOwn(owners, word) ? owners[word] : undefined;
    const isOwned = [...named].some((name) => {
      const options: object = registry.match(name, family)?.options ?? {};
      return Object.hasOwn(options, word.slice(2));
    });
    if (owner !== undefined && !isOwned) {
      const behindNot = words.at(-1) === '!';
      if (behindNot) words.pop();
      words.push('-m', owner, ...(behindNot ? ['!'] : []));
      indices.splice(behindNot ? -1 : indices.length, 0, index, index);
      named.add(owner);
    }
    words.push(word);
    indices.push(index);
  }
  return { words, indices };
}
