/** Who listens for a packet. */

import type { Listener, Machine } from '../model/machine.ts';
import type { Packet } from '../model/packet.ts';
import { type Address, sameAddress, zeroAddress } from '../net/address.ts';

const isZero = (a: Address): boolean => sameAddress(a, zeroAddress(a.family));

/** The socket that a delivered packet is for; `none`: no one listens; undefined: nobody knows. */
export function listenerFor({ listeners }: Machine, packet: Packet): Listener | 'none' | undefined {
  if (listeners.value === undefined || packet.dport === undefined) return undefined;
  if (packet.protocol !== 6 && packet.protocol !== 17) return undefined;
  const found = listeners.value.find(
    ({ protocol, port, address }) =>
      protocol === packet.protocol &&
      port === packet.dport &&
      (address === undefined || isZero(address) || sameAddress(address, packet.dst)),
  );
  return found ?? 'none';
}
