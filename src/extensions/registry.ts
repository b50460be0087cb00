/** The extensions by name: what the linker, the engine and the analysis look them up in. */

import type { Family } from '../net/address.ts';
import type { Extension, MatchExtension, TargetExtension } from './define.ts';

/** All extensions, found by the name or alias that a rule uses. */
export interface Registry {
  readonly matches: readonly MatchExtension[];
  readonly targets: readonly TargetExtension[];
  /** By name or alias; undefined if nobody knows it, or not in this family. */
  match(name: string, family?: Family): MatchExtension | undefined;
  target(name: string, family?: Family): TargetExtension | undefined;
}

/**
 * Makes a registry of a list. Two extensions may share a name or alias if their families differ.
 *
 * @throws if two of the same kind and family claim one name: a mistake of the list.
 */
export function createRegistry(extensions: readonly Extension[]): Registry {
  const index = (kind: Extension['kind']): Map<string, Extension> => {
    const map = new Map<string, Extension>();
    for (const e of extensions) {
      if (e.kind !== kind) continue;
      for (const name of [e.name, ...(e.aliases ?? [])]) {
        for (const family of e.families) {
          const key = `${family} ${name}`;
          if (map.has(key)) throw new Error(`two extensions claim ${kind} ${key}`);
          map.set(key, e);
        }
      }
    }
    return map;
  };
  const matches = index('match');
  const targets = index('target');
  const find = <E extends Extension>(
    map: Map<string, Extension>,
    name: string,
    family?: Family,
  ): E | undefined =>
    (family ? map.get(`${family} ${name}`) : (map.get(`ipv4 ${name}`) ?? map.get(`ipv6 ${name}`))) as
      | E
      | undefined;
  return {
    matches: extensions.filter((e): e is MatchExtension => e.kind === 'match'),
    targets: extensions.filter((e): e is TargetExtension => e.kind === 'target'),
    match: (name, family) => find<MatchExtension>(matches, name, family),
    target: (name, family) => find<TargetExtension>(targets, name, family),
  };
}
