/** Which rule was loaded first: the one that makes what rules share by name. */

import type { Ruleset } from '../model/ruleset.ts';

interface Use {
  readonly line: number;
  readonly data: unknown;
}

const known = new WeakMap<Ruleset, ReadonlyMap<string, Use>>();

/** Matches that share a table under the `name` of their data. */
const shared: ReadonlySet<string> = new Set(['hashlimit']);

function indexUses(ruleset: Ruleset): ReadonlyMap<string, Use> {
  const uses = new Map<string, Use>();
  for (const table of ruleset.tables)
    for (const chain of table.chains)
      for (const { line, matches } of chain.rules)
        for (const { extension, data } of matches) {
          if (!shared.has(extension)) continue;
          const key = `${extension} ${(data as { readonly name?: string } | undefined)?.name}`;
          const old = uses.get(key);
          if (!old || line < old.line) uses.set(key, { line, data });
        }
  return uses;
}

/** Data of the first use of a match under a name, in the order in which the rules were loaded. */
export function firstUse(ruleset: Ruleset | undefined, extension: string, name: string): unknown {
  if (!ruleset) return undefined;
  let uses = known.get(ruleset);
  if (!uses) {
    uses = indexUses(ruleset);
    known.set(ruleset, uses);
  }
  return uses.get(`${extension} ${name}`)?.data;
}
