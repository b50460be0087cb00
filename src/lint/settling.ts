import type { Finding } from './finding.ts';

/** How many different answers are named. */
const groupsMax = 4;

/**
 * What supplying context would buy: `"ss -tulnp" would settle 2 of them, "ip -j addr" and "ss -tulnp" together 1: add the
 * output to the same stream, or name a file of it by --with`. Undefined: no command could.
 */
export function settlingText(inferred: readonly Pick<Finding, 'inferences'>[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { inferences } of inferred) {
    const commands = [...new Set(inferences.map((i) => i.settledBy))].sort();
    // What no command tells, only the configuration can.
    if (commands.length === 0 || commands.includes(undefined)) continue;
    const words = commands.map((command) => `"${command}"`).join(' and ');
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const [first, ...others] = sorted.slice(0, groupsMax);
  if (!first) return undefined;
  const [commands, count] = first;
  const them = inferred.length === 1 ? 'it' : count === inferred.length ? 'all of them' : `${count} of them`;
  const parts = [
    `${commands}${commands.includes(' and ') ? ' together' : ''} would settle ${them}`,
    ...others.map(([words, n]) => `${words}${words.includes(' and ') ? ' together' : ''} ${n}`),
  ];
  return `${parts.join(', ')}: add the output to the same stream, or name a file of it by --with`;
}
