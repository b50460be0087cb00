/** The fixed words of netfilter: hooks, tables, verdicts, conntrack states. */

/** The five places where netfilter sees a packet. */
export const hooks = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;
/** One of the five hooks. */
export type Hook = (typeof hooks)[number];

/** The tables of iptables. */
export const tableNames = ['raw', 'mangle', 'nat', 'filter', 'security'] as const;
/** One of the five tables. */
export type TableName = (typeof tableNames)[number];

/** Which back end of iptables a ruleset lives in: they differ in a few points of order and spelling. */
export type Backend = 'nft' | 'legacy';

/**
 * Hooks at which each table has a built-in chain, in the order in which iptables-save of the nft back end
 * declares them.
 *
 * Source: man iptables(8) TABLES; iptables/nft.c xtables_ipv4[].
 */
export const builtinChains: Readonly<Record<TableName, readonly Hook[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** The hook of a built-in chain, or undefined for a chain of the user's in that table. */
export function builtinHook(table: string, chain: string): Hook | undefined {
  const known: readonly string[] | undefined = builtinChains[table as TableName];
  return known?.includes(chain) ? (chain as Hook) : undefined;
}

/** Policies that a built-in chain may have. */
export type Policy = 'ACCEPT' | 'DROP' | 'QUEUE';

/** What `--ctstate` sees of a packet. */
export type CtState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED';

/** Direction of a packet within its connection. */
export type CtDirection = 'original' | 'reply';
