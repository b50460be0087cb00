/** The list of all extensions. Imported by src/index.ts alone and passed on from there. */

import type { Extension } from './define.ts';
import { conntrack } from './matches/conntrack.ts';
import { hashlimit } from './matches/hashlimit.ts';
import { multiport } from './matches/multiport.ts';
import { set } from './matches/set.ts';
import { tcp } from './matches/tcp.ts';
import { DNAT } from './targets/DNAT.ts';

/** Matches, then targets, each in the order of their names. */
export const extensions: readonly Extension[] = [conntrack, hashlimit, multiport, set, tcp, DNAT];
