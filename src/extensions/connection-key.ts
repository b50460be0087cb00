/** Names of connections in the state that matches keep. */

import type { Connection, Tuple } from '../model/connection.ts';
import { addressText } from '../net/address-text.ts';

/** A tuple as text: equal texts, equal tuples. */
export function tupleKey(t: Tuple): string {
  return `${t.protocol} ${addressText(t.src)} ${t.sport} ${addressText(t.dst)} ${t.dport}`;
}

/** A connection by its original tuple and zone. */
export function connectionKey(c: Connection): string {
  return `${tupleKey(c.original)} ${c.zone}`;
}
