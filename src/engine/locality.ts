/** Whether an address is this machine's where the FIB does not say. */

import { type Address, prefix, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { isLoopback4, isLoopback6, isZero } from './addresses.ts';
import { isOwnAddress } from './facts.ts';
import type { Walk } from './walk.ts';
import { answerOf } from './working-state.ts';

/**
 * In this order: loopback, an address of an interface, a fact with provenance, the tape. Undefined: nobody knows
 * (the caller asks, or leaves the question to others).
 */
export function localityOf(w: Walk, a: Address): boolean | undefined {
  const { facts } = w.shared;
  if (a.family === 'ipv4' ? isLoopback4(a) : isLoopback6(a)) return true;
  // ipv6_add_addr() refuses it; what 0.0.0.0 means depends on the way, and is settled there.
  if (a.family === 'ipv6' && isZero(a)) return false;
  if (isOwnAddress(facts, a)) return true;
  const text = addressText(a);
  if (w.shared.standIns.has(text)) return true;
  const told = answerOf(w.shared, `local:${text}`);
  if (told !== undefined) {
    w.emit({ kind: 'assumed', assumption: { key: `local:${text}`, answer: told }, rule: w.rule });
    return told === 'yes';
  }
  const fact = facts.locality.get(text);
  if (fact) return fact.local;
  if (facts.interfacesKnown) return false;
  return undefined;
}

/** The interface in whose subnet the address lies, where interfaces are known. */
export function connectedInterface(w: Walk, a: Address): string | undefined {
  for (const i of w.shared.facts.interfaces.values())
    for (const x of i.addresses) {
      if (x.address.family !== a.family || x.prefixLength === 0) continue;
      const base = x.peer ?? x.address;
      if (sameAddress(prefix(base, x.prefixLength).address, prefix(a, x.prefixLength).address)) return i.name;
    }
  return undefined;
}
