/** Puts chains together where a table has more of them than anybody can look at. */

import type { Chain } from '../model/ruleset.ts';

/** Chains that share a box: one, or several with what they have in common as name. */
export interface FoldedGroup {
  readonly name: string;
  /** Not empty. */
  readonly chains: readonly Chain[];
}

/** Chains whose names begin alike and are as many as this are a family. */
const familyMin = 3;

/**
 * Groups chains until there are at most `boxesMax` groups. First families of one program's chains (`KUBE-SEP-…`), then all
 * chains that only their program's own chains call, then all chains of one program, then families of the administrator's,
 * then what lies deepest. A step is taken only if the ones
 * before did not do; the first chain (the built-in one) always stays alone. Chains that remain keep their order.
 *
 * @param chains nearest to the built-in chain first, without repeats
 * @param boxesMax at least 2
 * @param ownerOf the program that wrote a chain; undefined for the administrator's
 */
export function foldChains(
  chains: readonly Chain[],
  boxesMax: number,
  ownerOf: (chain: Chain) => string | undefined,
): readonly FoldedGroup[] {
  let groups: readonly FoldedGroup[] = chains.map((c) => ({ name: c.name, chains: [c] }));
  const owner = (group: FoldedGroup): string | undefined => ownerOf(group.chains[0] as Chain);
  const family = (group: FoldedGroup): string => familyName(group.chains[0] as Chain);
  const entries = entryChains(chains, ownerOf);
  const inner = (group: FoldedGroup): boolean => !group.chains.some((c) => entries.has(c.name));
  const steps: readonly ((group: FoldedGroup) => string | undefined)[] = [
    (g) => (owner(g) === undefined ? undefined : `${owner(g)}: ${family(g)}`),
    (g) => (inner(g) ? owner(g) : undefined),
    (g) => owner(g),
    (g) => (owner(g) === undefined ? family(g) : undefined),
  ];
  for (const [index, nameOf] of steps.entries()) {
    if (groups.length <= boxesMax) return groups;
    groups = join(groups, nameOf, index === 1 || index === 2 ? 2 : familyMin, family);
  }
  if (groups.length <= boxesMax) return groups;
  const kept = groups.slice(0, boxesMax - 1);
  const rest = groups.slice(boxesMax - 1).flatMap((g) => g.chains);
  return [...kept, { name: 'further chains', chains: rest }];
}

/** Chains that are called by those of somebody else. */
function entryChains(
  chains: readonly Chain[],
  ownerOf: (chain: Chain) => string | undefined,
): ReadonlySet<string> {
  const byName = new Map(chains.map((c) => [c.name, c]));
  const entries = new Set<string>();
  for (const chain of chains)
    for (const { target } of chain.rules) {
      const to = target.kind === 'jump' || target.kind === 'goto' ? byName.get(target.chain) : undefined;
      if (to && ownerOf(to) !== ownerOf(chain)) entries.add(to.name);
    }
  return entries;
}

/** The name up to its last part: `KUBE-SEP-…`, `ufw-user-…`; without parts, the name itself. */
function familyName({ name }: Chain): string {
  const cut = Math.max(name.lastIndexOf('-'), name.lastIndexOf('_'), name.lastIndexOf(':'));
  return cut <= 0 ? name : `${name.slice(0, cut + 1)}…`;
}

/** Joins groups of the same name, where they are at least `least`; the joined one stands where its first did. */
function join(
  groups: readonly FoldedGroup[],
  nameOf: (group: FoldedGroup) => string | undefined,
  least: number,
  familyOf: (group: FoldedGroup) => string,
): readonly FoldedGroup[] {
  const byName = new Map<string, FoldedGroup[]>();
  for (const group of groups.slice(1)) {
    const name = nameOf(group);
    if (name === undefined) continue;
    const members = byName.get(name);
    if (members) members.push(group);
    else byName.set(name, [group]);
  }
  const joined = new Map<FoldedGroup, FoldedGroup | undefined>();
  for (const [name, members] of byName) {
    const chains = members.flatMap((m) => m.chains);
    if (chains.length < least || members.length < 2) continue;
    const families = new Set(members.map(familyOf));
    // What stands in brackets behind a program's name is for its tooltip.
    const label = families.size === 1 ? ([...families][0] as string) : name.replace(/ \(.*/, '');
    members.forEach((m, i) => {
      joined.set(m, i === 0 ? { name: label, chains } : undefined);
    });
  }
  return groups.flatMap((g) => (joined.has(g) ? (joined.get(g) ?? []) : [g]));
}
