/** Whether a packet's bytes of layer 4 hold the header that matches want to read. */

import type { Packet } from './packet.ts';

/** Bytes of the shortest header that the kernel's matches ask for, by protocol. */
const leastBytes: Readonly<Record<number, number>> = {
  1: 8,
  6: 20,
  17: 8,
  33: 12,
  50: 8,
  51: 12,
  58: 8,
  132: 12,
  136: 8,
};

/** Whether layer 4 is known as bytes, and ends before so many of them. A later fragment has no header to be cut. */
export function endsBefore({ fragmentOffsetBytes, layer4 }: Packet, bytes: number): boolean {
  return fragmentOffsetBytes === 0 && layer4 !== undefined && layer4.length < 2 * bytes;
}

/** Whether no whole header of layer 4 is there: a later fragment, or bytes that end too soon. */
export function lacksHeader(packet: Packet): boolean {
  return packet.fragmentOffsetBytes > 0 || endsBefore(packet, leastBytes[packet.protocol] ?? 0);
}
