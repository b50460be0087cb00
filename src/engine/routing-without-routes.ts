/**
 * Routing where no routes are known: facts about single addresses first, then the hints of the entry, then the tape.
 */

import type { RouteDropReason } from '../model/trace.ts';
import { type Address, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import {
  isLimitedBroadcast,
  isLocalMulticast4,
  isLoopback4,
  isMulticast,
  isMulticast4,
  isZero,
} from './addresses.ts';
import { destination, dropped, type RouteAnswer, undecided } from './destination.ts';
import { confOr, forwardsIpv4, forwardsIpv6, isOwnAddress } from './facts.ts';
import { connectedInterface, localityOf } from './locality.ts';
import type { Walk } from './walk.ts';
import { answerOf, decide } from './working-state.ts';

/** Whether the machine forwards, where neither sysctls nor hints say: asked. */
function forwardingWithoutFacts(w: Walk): boolean | undefined {
  const { facts } = w.shared;
  const known =
    w.family === 'ipv4' ? forwardsIpv4(facts, w.inInterface ?? '') : forwardsIpv6(facts, w.inInterface);
  if (known !== undefined) return known;
  const { hints } = w.entry;
  if (hints?.destination === 'remote' || hints?.outInterface !== undefined) return true;
  const told = decide(w.shared, 'forwarding', 'forwarding', ['on', 'off'], undefined);
  if (told === undefined) return undefined;
  w.emit({ kind: 'assumed', assumption: { key: 'forwarding', answer: told }, rule: undefined });
  return told === 'on' || told === 'yes';
}

/** Where a packet to a remote address leaves, without routes: hint, subnet, the only way out, the tape. */
function interfaceWithoutFacts(w: Walk, dst: Address): string | undefined {
  const { hints } = w.entry;
  if (hints?.outInterface !== undefined) return hints.outInterface;
  const connected = connectedInterface(w, dst);
  if (connected !== undefined) return connected;
  const { facts, program } = w.shared;
  const { machine } = w;
  const key = `out:${addressText(dst)}`;
  const given = answerOf(w.shared, key);
  if (given !== undefined) {
    w.emit({ kind: 'assumed', assumption: { key, answer: given }, rule: undefined });
    return given;
  }
  const behind = machine.behind?.find((f) => sameAddress(f.value.address, dst));
  if (behind) return behind.value.interfaceName;
  if (facts.interfacesKnown && machine.outside.length === 1) return machine.outside[0]?.value;
  const names = new Set<string>([
    ...machine.outside.map((f) => f.value),
    ...facts.interfaces.keys(),
    ...program.namedInterfaces,
  ]);
  names.delete('lo');
  // What comes in by the only interface that is named most likely leaves by one that is not.
  if (names.size === 1 && w.inInterface !== undefined && names.has(w.inInterface) && !facts.interfacesKnown)
    names.add(w.inInterface === 'eth0' ? 'eth1' : 'eth0');
  if (names.size === 0) return 'eth0';
  if (names.size === 1) return [...names][0];
  return decide(w.shared, key, key, [...names], undefined);
}

/** Whether the destination is local: facts first, then the hint, then the tape. */
function localWithoutFacts(w: Walk, dst: Address): boolean | undefined {
  const known = localityOf(w, dst);
  if (known !== undefined) return known;
  const hint = w.entry.hints?.destination;
  if (hint !== undefined) return hint === 'local';
  const key = `local:${addressText(dst)}`;
  const told = decide(w.shared, key, key, ['no', 'yes'], undefined);
  return told === undefined ? undefined : told === 'yes';
}

/** Addresses that ip_route_input_slow() refuses whatever the routes are. */
function oddAddresses4(w: Walk): RouteDropReason | undefined {
  const { src, dst } = w.packet;
  if (isMulticast4(src) || isLimitedBroadcast(src)) return 'martian-source';
  if (isZero(src))
    return isLocalMulticast4(dst) || isLimitedBroadcast(dst) || isZero(dst) ? undefined : 'martian-source';
  if (isZero(dst)) return 'martian-destination';
  const { facts } = w.shared;
  return w.inInterface !== 'lo' &&
    isOwnAddress(facts, src) &&
    !confOr(facts, w.inInterface ?? '', 'accept_local')
    ? 'local-source'
    : undefined;
}

const ownLoopback = 0x7f000001;

/** The decision for a packet that came in. */
export function inputRouteWithoutFacts(w: Walk): RouteAnswer {
  const { facts } = w.shared;
  const p = w.packet;
  const odd = w.family === 'ipv4' ? oddAddresses4(w) : undefined;
  if (odd) return dropped(odd);
  if (w.family === 'ipv4' && w.inInterface !== 'lo' && isLoopback4(p.src)) {
    const device = w.inInterface ?? '';
    // Of what goes to everybody, such a source is looked at only as any address of this machine's.
    if (!isLimitedBroadcast(p.dst) && !confOr(facts, device, 'route_localnet')) return dropped('local-net');
    // Of 127.0.0.0/8 this one is an address of `lo`: no other machine may use it.
    if (p.src.w3 === ownLoopback && !confOr(facts, device, 'accept_local')) return dropped('local-source');
  }
  if (isMulticast(p.dst))
    return destination(facts, 'multicast', undefined, { toMany: 'multicast', type: 'multicast' });
  if (isLimitedBroadcast(p.dst) || (w.family === 'ipv4' && isZero(p.dst)))
    return destination(facts, 'broadcast', undefined, { toMany: 'broadcast', type: 'broadcast' });
  if (w.inInterface !== 'lo' && w.family === 'ipv4' && isLoopback4(p.dst)) {
    if (!confOr(facts, w.inInterface ?? '', 'route_localnet')) return dropped('local-net');
  }
  if (w.family === 'ipv4')
    for (const i of facts.interfaces.values())
      for (const a of i.addresses)
        if (a.broadcast && a.address.family === 'ipv4' && a.broadcast.w3 === p.dst.w3)
          return destination(facts, 'broadcast', undefined, { toMany: 'broadcast', type: 'broadcast' });
  const local = localWithoutFacts(w, p.dst);
  if (local === undefined) return undecided;
  if (local) return destination(facts, 'local', undefined);
  const forwards = forwardingWithoutFacts(w);
  if (forwards === undefined) return undecided;
  if (!forwards) return dropped('not-forwarding');
  const outInterface = interfaceWithoutFacts(w, p.dst);
  if (outInterface === undefined) return undecided;
  return destination(facts, 'forward', undefined, { outInterface });
}

/** The decision for a packet that this machine sends to `dst`. */
export function outputRouteWithoutFacts(w: Walk, dst: Address): RouteAnswer {
  const { facts } = w.shared;
  // No destination is the machine itself.
  if (dst.family === 'ipv4' && isZero(dst))
    return destination(facts, 'output', undefined, { outInterface: 'lo', type: 'local' });
  if (isLimitedBroadcast(dst) || isMulticast(dst)) {
    const outInterface = interfaceWithoutFacts(w, dst);
    if (outInterface === undefined) return undecided;
    return destination(facts, 'output', undefined, {
      outInterface,
      toMany: isMulticast(dst) ? 'multicast' : 'broadcast',
    });
  }
  // A known interface other than lo says that the packet leaves.
  const hinted = w.entry.hints?.outInterface;
  const local =
    hinted !== undefined && hinted !== 'lo' ? localityOf(w, dst) === true : localWithoutFacts(w, dst);
  if (local === undefined) return undecided;
  if (local) return destination(facts, 'output', undefined, { outInterface: 'lo', type: 'local' });
  const outInterface = interfaceWithoutFacts(w, dst);
  if (outInterface === undefined) return undecided;
  return destination(facts, 'output', undefined, { outInterface });
}
