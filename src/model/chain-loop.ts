import type { Chain, Rule, Table } from './ruleset.ts';

/**
 * A rule that closes a circle of jumps to which a hook leads: the kernel refuses a table that has one. Undefined: there is
 * none. A circle that no hook leads to does load. Chains may be nested as deep as memory allows: no recursion.
 */
export function loopOf(table: Table): Rule | undefined {
  const chains = new Map(table.chains.map((chain) => [chain.name, chain]));
  const done = new Set<string>();
  for (const start of table.chains) {
    if (start.hook === undefined || done.has(start.name)) continue;
    const path: { readonly chain: Chain; next: number }[] = [{ chain: start, next: 0 }];
    const onPath = new Set([start.name]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const rule = top.chain.rules[top.next++];
      if (rule === undefined) {
        onPath.delete(top.chain.name);
        done.add(top.chain.name);
        path.pop();
        continue;
      }
      if (rule.target.kind !== 'jump' && rule.target.kind !== 'goto') continue;
      const { chain: name } = rule.target;
      if (onPath.has(name)) return rule;
      const chain = done.has(name) ? undefined : chains.get(name);
      if (chain === undefined) continue;
      onPath.add(name);
      path.push({ chain, next: 0 });
    }
  }
  return undefined;
}
