/**
 * IPsec: which packets its policies want protected, and what a protected packet looks like on the wire.
 *
 * Source: net/xfrm/xfrm_policy.c __xfrm_policy_check(), xfrm_lookup(), xfrm_policy_ok(); net/xfrm/xfrm_output.c
 * xfrm_output_resume(); net/xfrm/xfrm_input.c; net/netfilter/nf_nat_core.c nf_xfrm_me_harder().
 */

import type { IpsecPolicy, IpsecTemplate, IpsecTransform } from '../model/machine.ts';
import type { Packet } from '../model/packet.ts';
import {
  type Address,
  addressBits,
  type Network,
  networkContains,
  prefix,
  sameAddress,
} from '../net/address.ts';
import { parseIpv4, parseIpv6 } from '../net/address-text.ts';
import { isZero } from './addresses.ts';
import { confOr, sysctlNumber } from './facts.ts';
import { emptyPacket } from './icmp-error.ts';
import type { Walk } from './walk.ts';

const espProtocol = 50;
const ahProtocol = 51;
const protocolNumbers: Readonly<Record<string, number>> = { esp: 50, ah: 51, comp: 108, ipcomp: 108 };
const udpProtocol = 17;
/** IKE and its NAT traversal: the key daemon's sockets have policies of their own that let them pass. */
const isakmpPorts: readonly (number | undefined)[] = [500, 4500];
const natTraversalPort = 4500;

/** ESP and AH, and ESP in UDP. */
export function isProtected(p: Packet): boolean {
  return (
    p.protocol === espProtocol ||
    p.protocol === ahProtocol ||
    (p.protocol === udpProtocol && (p.dport === natTraversalPort || p.sport === natTraversalPort))
  );
}

function policiesOf(w: Walk): readonly IpsecPolicy[] | undefined {
  return w.machine.ipsecPolicies?.value;
}

/** The policy of the smallest priority whose selector holds the packet; of equals the first. */
function policyFor(w: Walk, direction: string, p: Packet): IpsecPolicy | undefined {
  let best: IpsecPolicy | undefined;
  for (const x of policiesOf(w) ?? []) {
    if (x.direction !== direction || x.source.address.family !== p.family) continue;
    if (best && best.priority <= x.priority) continue;
    if (!networkContains(x.source, p.src) || !networkContains(x.destination, p.dst)) continue;
    if (x.protocol !== undefined && x.protocol !== p.protocol) continue;
    if (x.sport !== undefined && x.sport !== (p.sport ?? p.icmpType)) continue;
    if (x.dport !== undefined && x.dport !== (p.dport ?? p.icmpCode)) continue;
    best = x;
  }
  return best;
}

const addressOf = (text: string): Address | undefined => parseIpv4(text) ?? parseIpv6(text);

function hostOf(text: string): Network | undefined {
  const a = addressOf(text);
  return a && !isZero(a) ? prefix(a, addressBits(a.family)) : undefined;
}

const protocolOf = (t: IpsecTemplate): number => protocolNumbers[t.protocol] ?? Number(t.protocol);
const modeOf = (t: IpsecTemplate): 'tunnel' | 'transport' => (t.mode === 'tunnel' ? 'tunnel' : 'transport');

/** Whether the state carries out what the template asks for (xfrm_tmpl_resolve_one()). */
function serves(state: IpsecTemplate, t: IpsecTemplate, p: Packet): boolean {
  if (protocolOf(state) !== protocolOf(t) || modeOf(state) !== modeOf(t)) return false;
  if (t.reqid && state.reqid !== t.reqid) return false;
  if (t.spi && state.spi !== t.spi) return false;
  const from = modeOf(t) === 'tunnel' ? addressOf(t.source) : p.src;
  const to = modeOf(t) === 'tunnel' ? addressOf(t.destination) : p.dst;
  const a = addressOf(state.source);
  const b = addressOf(state.destination);
  return (
    (!from || isZero(from) || (a !== undefined && sameAddress(a, from))) &&
    (!to || (b !== undefined && sameAddress(b, to)))
  );
}

/** What a policy's templates mean for a packet, states filled in; optional ones without a state are left out. */
function transformsOf(w: Walk, policy: IpsecPolicy, p: Packet): readonly IpsecTransform[] {
  const states = w.machine.ipsecStates?.value;
  return policy.templates.flatMap((t) => {
    const state = states?.find((s) => serves(s, t, p));
    if (!state && t.optional && states) return [];
    const mode = modeOf(t);
    return {
      protocol: protocolOf(t),
      mode,
      reqid: state?.reqid ?? t.reqid,
      spi: state?.spi ?? (t.spi || undefined),
      tunnelSrc: mode === 'tunnel' ? hostOf(state?.source ?? t.source) : undefined,
      tunnelDst: mode === 'tunnel' ? hostOf(state?.destination ?? t.destination) : undefined,
    };
  });
}

// ------------------------------------------------------------------------------------------ in

/** For a packet of which only is said that it came out of IPsec: what the policy for it asks for. */
export function transformsByPolicy(w: Walk): readonly IpsecTransform[] | undefined {
  const p = w.packet;
  const policy = policyFor(w, 'in', p) ?? policyFor(w, 'fwd', p);
  return policy && policy.templates.length > 0 ? transformsOf(w, policy, p) : undefined;
}

/** What was taken off: as told, or as the outer packet shows. */
export function transformsTakenOff(w: Walk, inner: Packet): readonly IpsecTransform[] {
  const told = w.entry.hints?.decapsulated?.transforms;
  if (told) return told;
  const p = w.packet;
  const tunnel = !sameAddress(p.src, inner.src) || !sameAddress(p.dst, inner.dst);
  const protocol = p.protocol === ahProtocol ? ahProtocol : espProtocol;
  const state = w.machine.ipsecStates?.value?.find((s) => {
    const to = addressOf(s.destination);
    return (
      protocolOf(s) === protocol &&
      to !== undefined &&
      sameAddress(to, p.dst) &&
      (p.spi === undefined || s.spi === p.spi)
    );
  });
  const bits = addressBits(p.family);
  return [
    {
      protocol,
      mode: tunnel ? 'tunnel' : 'transport',
      reqid: state?.reqid,
      spi: p.spi ?? state?.spi,
      tunnelSrc: tunnel ? prefix(p.src, bits) : undefined,
      tunnelDst: tunnel ? prefix(p.dst, bits) : undefined,
    },
  ];
}

/** xfrm_state_ok() */
function satisfies(t: IpsecTransform, template: IpsecTemplate): boolean {
  if (t.protocol !== protocolOf(template) || t.mode !== modeOf(template)) return false;
  if (template.spi && t.spi !== undefined && t.spi !== template.spi) return false;
  if (template.reqid && t.reqid !== undefined && t.reqid !== template.reqid) return false;
  if (t.mode === 'transport') return true;
  const same = (known: Network | undefined, text: string): boolean => {
    const want = addressOf(text);
    return !known || !want || isZero(want) || sameAddress(known.address, want);
  };
  return same(t.tunnelSrc, template.source) && same(t.tunnelDst, template.destination);
}

/**
 * Whether the policy check drops a packet that came in: protection is asked for that it did not have, or it came out
 * of a tunnel that no policy wants, or a policy blocks it.
 */
export function policyRefuses(w: Walk, direction: 'in' | 'fwd'): boolean {
  if (!policiesOf(w) || w.ipsec === undefined || w.inInterface === 'lo') return false;
  const p = w.packet;
  if (confOr(w.shared.facts, w.inInterface ?? '', 'disable_policy')) return false;
  // Handlers of ESP, AH and IPComp are exempt; so are the sockets of the key daemon.
  if (direction === 'in' && (p.protocol === 50 || p.protocol === 51 || p.protocol === 108)) return false;
  if (direction === 'in' && p.protocol === udpProtocol && isakmpPorts.includes(p.dport)) return false;
  const policy = policyFor(w, direction, p);
  if (!policy) return w.ipsec.some((t) => t.mode === 'tunnel');
  if (policy.action === 'block') return true;
  // From the outermost inwards, on both sides.
  const path = [...w.ipsec].reverse();
  let at = 0;
  for (const template of [...policy.templates].reverse()) {
    let found = -1;
    for (let i = at; i < path.length && found < 0; i++) {
      const t = path[i] as IpsecTransform;
      if (satisfies(t, template)) found = i + 1;
      else if (t.mode === 'tunnel') break;
    }
    if (found >= 0) at = found;
    else if (!template.optional) return true;
  }
  return path.slice(at).some((t) => t.mode === 'tunnel');
}

// ------------------------------------------------------------------------------------------ out

/** xfrm_lookup(): what will be done to a packet on its way out. `blocked`: a policy forbids it. */
export function lookupOut(w: Walk): {
  readonly transforms: readonly IpsecTransform[];
  readonly blocked: boolean;
} {
  const none = { transforms: [], blocked: false };
  if (!policiesOf(w) || w.transformed || w.destination?.outInterface === 'lo') return none;
  if (confOr(w.shared.facts, w.destination?.outInterface ?? '', 'disable_xfrm')) return none;
  const p = w.packet;
  if (w.hasSocket && p.protocol === udpProtocol && isakmpPorts.includes(p.sport)) return none;
  const policy = policyFor(w, 'out', p);
  if (!policy) return none;
  if (policy.action === 'block') return { transforms: [], blocked: true };
  return { transforms: transformsOf(w, policy, p), blocked: false };
}

/** Bytes that ESP adds with AES-GCM: SPI and sequence, IV, two bytes of trailer with padding to four, check value. */
function espBytes(contentBytes: number): number {
  return 8 + 8 + Math.ceil((contentBytes + 2) / 4) * 4 + 16;
}

/** AH with a check value of 12 bytes. */
const ahBytes = 24;

/**
 * The packet after the next transformations: all up to the next tunnel are done at once. The rest is still to be
 * done. Lengths are those of usual algorithms.
 */
export function protect(
  w: Walk,
  transforms: readonly IpsecTransform[],
): { readonly packet: Packet; readonly rest: readonly IpsecTransform[] } {
  let p: Packet = w.packet;
  let i = 0;
  for (; i < transforms.length; i++) {
    const t = transforms[i] as IpsecTransform;
    if (i > 0 && t.mode === 'tunnel') break;
    const tunnel = t.mode === 'tunnel';
    const header = p.family === 'ipv4' ? 20 : 40;
    const content = tunnel ? p.lengthBytes : p.lengthBytes - header;
    const added = t.protocol === ahProtocol ? content + ahBytes : espBytes(content);
    const hops = sysctlNumber(w.shared.facts, 'net.ipv4.ip_default_ttl', 64);
    p = emptyPacket(p, {
      src: (tunnel ? t.tunnelSrc?.address : undefined) ?? p.src,
      dst: (tunnel ? t.tunnelDst?.address : undefined) ?? p.dst,
      protocol: t.protocol,
      ttl: tunnel ? hops : p.ttl,
      tos: p.tos,
      dontFragment: p.dontFragment,
      lengthBytes: header + added,
      spi: t.spi,
      payload: undefined,
      mark: p.mark,
      uid: p.uid,
      gid: p.gid,
    });
  }
  return { packet: p, rest: transforms.slice(i) };
}
