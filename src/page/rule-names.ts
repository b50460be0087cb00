/** Names of rules and chains in a page: the targets of its links. */

import type { Family } from '../net/address.ts';

const short = (family: Family): string => (family === 'ipv4' ? '4' : '6');

/** The name of a chain's section, fit for `id` and for the fragment of a link. */
export function chainName(family: Family, table: string, chain: string): string {
  return `chain-${short(family)}-${encodeURIComponent(table)}-${encodeURIComponent(chain)}`;
}

/** The name of a rule's line; `ruleNumber` counts from 1. */
export function ruleName(family: Family, table: string, chain: string, ruleNumber: number): string {
  return `rule-${short(family)}-${encodeURIComponent(table)}-${encodeURIComponent(chain)}-${ruleNumber}`;
}
