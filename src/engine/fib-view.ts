/** What extensions may ask the FIB: types of addresses, the reverse path, realms. */

import type { FibView } from '../extensions/define.ts';
import type { Packet } from '../model/packet.ts';
import { type Address, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import {
  isLimitedBroadcast,
  isLinkLocal6,
  isLocalMulticast4,
  isLoopback4,
  isLoopback6,
  isMulticast,
  isMulticast4,
  isMulticast6,
  isZero,
} from './addresses.ts';
import { mtuOf } from './destination.ts';
import { isOwnAddress } from './facts.ts';
import { type Fib, type Flow, fibLookup, lookupLocalTable } from './fib.ts';
import { localityOf } from './locality.ts';
import type { Walk } from './walk.ts';

function flowTo(dst: Address, change: Partial<Flow> = {}): Flow {
  return {
    dst,
    src: undefined,
    mark: 0,
    tos: 0,
    inInterface: 'lo',
    outInterface: undefined,
    protocol: 0,
    sport: undefined,
    dport: undefined,
    uid: 0,
    ...change,
  };
}

/** __inet_dev_addr_type(). */
function addressType4(fib: Fib, a: Address, device?: string): string {
  if (isZero(a) || isLimitedBroadcast(a)) return 'BROADCAST';
  if (isMulticast4(a)) return 'MULTICAST';
  const route = lookupLocalTable(fib, a);
  if (!route) return 'UNICAST';
  if (device !== undefined && route.nextHops[0]?.device !== device) return 'UNICAST';
  return route.type.toUpperCase();
}

function addressTypes6(w: Walk, fib: Fib, a: Address, device?: string): string[] {
  const types: string[] = [];
  if (isMulticast6(a)) types.push('MULTICAST');
  else if (isZero(a)) types.push('UNSPEC');
  else types.push('UNICAST');
  if (device !== undefined) {
    // The address must be on that interface; link-local ones belong to theirs alone.
    const { facts } = w.shared;
    const holder = facts.interfaces
      .get(device)
      ?.addresses.some((x) => addressText(x.address) === addressText(a));
    if (holder) types.push('LOCAL');
  }
  const answer = fibLookup(fib, flowTo(a, { outInterface: device, strictInterface: device }));
  if ('error' in answer) types.push('UNREACHABLE');
  else {
    const { type } = answer.hit.route;
    if (device === undefined && type === 'local') types.push('LOCAL');
    if (type === 'anycast') types.push('ANYCAST');
  }
  return types;
}

function reverse4(
  fib: Fib,
  packet: Packet,
  inInterface: string | undefined,
  o: { readonly loose: boolean; readonly validmark: boolean; readonly acceptLocal: boolean },
): boolean {
  if (inInterface === 'lo') return true;
  if (isZero(packet.src) && (isLimitedBroadcast(packet.dst) || isLocalMulticast4(packet.dst))) return true;
  const many = isMulticast4(packet.dst) || isLimitedBroadcast(packet.dst) || isZero(packet.dst);
  const answer = fibLookup(
    fib,
    flowTo(packet.src, {
      src: many ? undefined : packet.dst,
      mark: o.validmark ? packet.mark : 0,
      tos: packet.tos,
    }),
  );
  if ('error' in answer) return false;
  const { route } = answer.hit;
  if (route.type !== 'unicast' && !(route.type === 'local' && o.acceptLocal)) return false;
  return o.loose || route.nextHops.some((h) => h.device === inInterface);
}

function reverse6(
  fib: Fib,
  packet: Packet,
  inInterface: string | undefined,
  o: { readonly loose: boolean; readonly validmark: boolean; readonly acceptLocal: boolean },
): boolean {
  if (inInterface === 'lo') return true;
  if (isZero(packet.src)) return true;
  const linkLocal = isLinkLocal6(packet.src);
  const answer = fibLookup(
    fib,
    flowTo(packet.src, {
      src: isMulticast6(packet.dst) || isZero(packet.dst) ? undefined : packet.dst,
      mark: o.validmark ? packet.mark : 0,
      tos: packet.tos,
      protocol: packet.protocol,
      outInterface: linkLocal || !o.loose ? inInterface : undefined,
      strictInterface: linkLocal ? inInterface : undefined,
    }),
  );
  if ('error' in answer) return false;
  const { route, nextHop } = answer.hit;
  if (route.type === 'anycast') return false;
  if (route.type === 'local') return o.acceptLocal;
  return o.loose || nextHop?.device === inInterface;
}

/** Whether the kernel has made a broadcast route of it, for an address of an interface. */
function isBroadcastOf(
  interfaces: Walk['shared']['facts']['interfaces'],
  a: Address,
  device: string | undefined,
): boolean {
  for (const { name, addresses } of interfaces.values())
    if (device === undefined || device === name)
      for (const { broadcast } of addresses) if (broadcast && sameAddress(broadcast, a)) return true;
  return false;
}

/** A view bound to one walk. */
export function createFibView(w: Walk): FibView {
  const { facts } = w.shared;
  return {
    addressTypes(address, device) {
      const fib = facts.fib[address.family];
      if (fib)
        return address.family === 'ipv4'
          ? [addressType4(fib, address, device)]
          : addressTypes6(w, fib, address, device);
      if (isMulticast(address)) return ['MULTICAST'];
      if (address.family === 'ipv4') {
        if (isZero(address) || isLimitedBroadcast(address)) return ['BROADCAST'];
        if (isLoopback4(address)) return ['LOCAL'];
        if (isBroadcastOf(facts.interfaces, address, device)) return ['BROADCAST'];
      } else if (isZero(address)) return ['UNSPEC'];
      else if (isLoopback6(address)) return ['LOCAL', 'UNICAST'];
      if (device !== undefined && facts.interfacesKnown && !isOwnAddress(facts, address)) return ['UNICAST'];
      const local = localityOf(w, address);
      if (local === undefined) return undefined;
      return local ? (address.family === 'ipv4' ? ['LOCAL'] : ['LOCAL', 'UNICAST']) : ['UNICAST'];
    },
    reversePath(packet, inInterface, options) {
      // rpfilter_is_loopback(): copies of own broadcasts and multicasts, too, by whatever interface.
      if (w.viaLoopback) return true;
      const fib = facts.fib[packet.family];
      if (!fib) return inInterface === 'lo' ? true : undefined;
      return packet.family === 'ipv4'
        ? reverse4(fib, packet, inInterface, options)
        : reverse6(fib, packet, inInterface, options);
    },
    pathMtu() {
      const { packet, destination, inInterface, outInterface } = w;
      const fib = facts.fib[packet.family];
      if (!fib || !destination) {
        const mtus = [inInterface, outInterface]
          .map((name) => (name === undefined ? undefined : facts.interfaces.get(name)?.mtuBytes))
          .filter((bytes) => bytes !== undefined);
        return mtus.length === 0 ? undefined : Math.min(...mtus);
      }
      const back = fibLookup(fib, flowTo(packet.src));
      if ('error' in back) return destination.mtuBytes;
      const { route, nextHop } = back.hit;
      const device = route.type === 'local' ? 'lo' : nextHop?.device;
      return Math.min(destination.mtuBytes, mtuOf(facts, device, route));
    },
    realm(packet) {
      const fib = facts.fib[packet.family];
      if (!fib) return undefined;
      const answer = fibLookup(fib, flowTo(packet.dst, { src: packet.src, mark: packet.mark }));
      return 'error' in answer ? 0 : answer.hit.route.realm;
    },
    deviceGroup: (device) => facts.interfaces.get(device)?.group ?? (facts.interfacesKnown ? 0 : undefined),
  };
}
