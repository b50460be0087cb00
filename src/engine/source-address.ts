/** Choosing a source address for packets that have none yet. */

import type { InterfaceAddress } from '../model/machine.ts';
import type { Address } from '../net/address.ts';
import { isLinkLocal6, isLoopback6, isMulticast6, isZero, multicastScope6 } from './addresses.ts';
import type { MachineFacts } from './facts.ts';

/** Common leading bits of two addresses. */
function commonPrefix(a: Address, b: Address): number {
  const pairs: readonly (readonly [number, number])[] = [
    [a.w0, b.w0],
    [a.w1, b.w1],
    [a.w2, b.w2],
    [a.w3, b.w3],
  ];
  let n = 0;
  for (const [x, y] of pairs) {
    const same = Math.clz32(x ^ y);
    n += same;
    if (same < 32) break;
  }
  return n;
}

/** __ipv6_addr_src_scope(): ::1 is of its link, and nobody's address of less than that. */
function scopeOf(a: Address): number {
  if (isZero(a)) return -1;
  if (isMulticast6(a)) return multicastScope6(a);
  return isLinkLocal6(a) || isLoopback6(a) ? 2 : 14;
}

/** RFC 6724 policy table labels, as far as they tell addresses apart here. */
function labelOf(a: Address): number {
  if (a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 === 1) return 0;
  if (a.w0 === 0 && a.w1 === 0 && a.w2 === 0xffff) return 4;
  if (a.w0 === 0 && a.w1 === 0 && a.w2 === 0) return 3;
  if (a.w0 >>> 16 === 0x2002) return 2;
  if (a.w0 >>> 0 === 0x20010000) return 6;
  if (a.w0 >>> 4 === 0x2001001) return 7;
  if (a.w0 >>> 25 === 0x7e) return 5;
  return 1;
}

/**
 * ipv6_dev_get_saddr() by the rules of RFC 6724 §5: same address, appropriate scope, outgoing interface, label,
 * longest matching prefix.
 */
export function sourceAddress6(
  facts: MachineFacts,
  dst: Address,
  device: string | undefined,
): Address | undefined {
  let best: { readonly address: InterfaceAddress; readonly score: readonly number[] } | undefined;
  const wanted = scopeOf(dst);
  const strict = isMulticast6(dst) || wanted <= 2;
  for (const i of facts.interfaces.values()) {
    if (strict && device !== undefined && i.name !== device) continue;
    for (const a of i.addresses) {
      if (a.address.family !== 'ipv6') continue;
      const x = a.address;
      const scope = scopeOf(x);
      const same = x.w0 === dst.w0 && x.w1 === dst.w1 && x.w2 === dst.w2 && x.w3 === dst.w3;
      const score = [
        same ? 1 : 0,
        scope >= wanted ? 1000 - scope : -1000 + scope,
        i.name === device ? 1 : 0,
        labelOf(x) === labelOf(dst) ? 1 : 0,
        Math.min(a.prefixLength, commonPrefix(x, dst)),
      ];
      if (!best || lexicographic(score, best.score) > 0) best = { address: a, score };
    }
  }
  return best?.address.address;
}

function lexicographic(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const d = (a[i] as number) - (b[i] as number);
    if (d !== 0) return d;
  }
  return 0;
}
