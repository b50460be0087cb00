import type { Finding } from './finding.ts';

/**
 * What supplying context would buy: `"ip -j addr" would settle 2 of them, "ss -tulnp" 1: add the output to the same
 * stream, or name a file of it by --with`.
 */
export function settlingText(inferred: readonly Pick<Finding, 'inferences'>[]): string {
  const counts = new Map<string, number>();
  for (const { inferences } of inferred)
    for (const command of new Set(inferences.map((i) => i.settledBy)))
      if (command !== undefined) counts.set(command, (counts.get(command) ?? 0) + 1);
  const sorted = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  if (sorted.length === 0) return 'only you can say';
  const all = inferred.length;
  const words = sorted.map(([command, count], index) => {
    const number = count === all ? (all === 1 ? 'it' : 'all') : String(count);
    return index === 0
      ? `the output of "${command}" would settle ${count === all ? (all === 1 ? 'it' : 'all of them') : `${count} of them`}`
      : `"${command}" ${number}`;
  });
  return `${words.join(', ')}: add it to the same stream, or name a file of it by --with`;
}
