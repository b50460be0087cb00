/** Writes captures for tests: what tcpdump and dumpcap would have recorded. */

import { packetBytes } from '../../src/extensions/packet-bytes.ts';
import type { Packet } from '../../src/model/packet.ts';

/** One frame to be written. */
export interface FrameToWrite {
  readonly bytes: Uint8Array;
  readonly timeMs?: number;
  /** Bytes that are recorded; default: all. */
  readonly captured?: number;
  /** pcapng: the interface's number, and the direction in `epb_flags`. */
  readonly interfaceIndex?: number;
  readonly direction?: 'in' | 'out';
}

/** The file's form. */
export interface CaptureForm {
  readonly linkType: number;
  readonly littleEndian?: boolean;
  readonly nanoseconds?: boolean;
}

/** An interface of a pcapng file. */
export interface InterfaceToWrite {
  readonly linkType: number;
  readonly name?: string;
  /** Power of ten; default 6. */
  readonly resolution?: number;
}

/** Bytes that grow, in one byte order. */
class Bytes {
  readonly list: number[] = [];
  readonly little: boolean;

  constructor(little: boolean) {
    this.little = little;
  }

  put(value: number, size: number): this {
    const bytes = Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
    this.list.push(...(this.little ? bytes : bytes.reverse()));
    return this;
  }

  add(bytes: Iterable<number>): this {
    for (const byte of bytes) this.list.push(byte);
    return this;
  }

  pad(): this {
    while (this.list.length % 4 !== 0) this.list.push(0);
    return this;
  }
}

/** A pcap file. */
export function writePcap(frames: readonly FrameToWrite[], form: CaptureForm): Uint8Array {
  const { littleEndian = true, nanoseconds = false, linkType } = form;
  const out = new Bytes(littleEndian);
  out
    .put(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4)
    .put(2, 2)
    .put(4, 2)
    .put(0, 8)
    .put(262144, 4)
    .put(linkType, 4);
  for (const { bytes, timeMs = 0, captured = bytes.length } of frames) {
    const part = Math.round((timeMs % 1000) * (nanoseconds ? 1e6 : 1e3));
    out
      .put(Math.floor(timeMs / 1000), 4)
      .put(part, 4)
      .put(captured, 4)
      .put(bytes.length, 4);
    out.add(bytes.subarray(0, captured));
  }
  return Uint8Array.from(out.list);
}

/** A section of a pcapng file; sections may follow each other. */
export function writePcapng(
  frames: readonly FrameToWrite[],
  interfaces: readonly InterfaceToWrite[],
  littleEndian = true,
): Uint8Array {
  const out = new Bytes(littleEndian);
  const block = (type: number, body: Bytes): void => {
    body.pad();
    const length = body.list.length + 12;
    out.put(type, 4).put(length, 4).add(body.list).put(length, 4);
  };
  const body = (): Bytes => new Bytes(littleEndian);
  block(0x0a0d0d0a, body().put(0x1a2b3c4d, 4).put(1, 2).put(0, 2).put(0xffffffff, 4).put(0xffffffff, 4));
  for (const { linkType, name, resolution = 6 } of interfaces) {
    const b = body().put(linkType, 2).put(0, 2).put(0, 4);
    if (name !== undefined) {
      const text = new TextEncoder().encode(name);
      b.put(2, 2).put(text.length, 2).add(text).pad();
    }
    b.put(9, 2).put(1, 2).put(resolution, 1).pad().put(0, 4);
    block(1, b);
  }
  for (const { bytes, timeMs = 0, captured = bytes.length, interfaceIndex = 0, direction } of frames) {
    const ticks = timeMs * 10 ** ((interfaces[interfaceIndex]?.resolution ?? 6) - 3);
    const b = body()
      .put(interfaceIndex, 4)
      .put(Math.floor(ticks / 2 ** 32), 4)
      .put(ticks % 2 ** 32, 4);
    b.put(captured, 4).put(bytes.length, 4).add(bytes.subarray(0, captured)).pad();
    if (direction !== undefined)
      b.put(2, 2)
        .put(4, 2)
        .put(direction === 'in' ? 1 : 2, 4)
        .put(0, 4);
    block(6, b);
  }
  return Uint8Array.from(out.list);
}

const etherTypes = { ipv4: [0x08, 0x00], ipv6: [0x86, 0xdd] } as const;

const macOf = (text: string): number[] => text.split(':').map((b) => Number.parseInt(b, 16));

/** An Ethernet frame. */
export function ethernetFrame(
  p: Packet,
  from: string,
  to: string,
  vlans: readonly number[] = [],
): Uint8Array {
  const tags = vlans.flatMap((id) => [0x81, 0x00, id >>> 8, id & 0xff]);
  return Uint8Array.from([
    ...macOf(to),
    ...macOf(from),
    ...tags,
    ...etherTypes[p.family],
    ...packetBytes(p).bytes,
  ]);
}

/** A frame of `tcpdump -i any` (SLL2). `type`: 0 for us, 1 broadcast, 2 multicast, 3 for others, 4 outgoing. */
export function cookedFrame(p: Packet, interfaceIndex: number, type: number, hardware = 1): Uint8Array {
  const address = [0x52, 0x54, 0, 0, 0, 9, 0, 0];
  return Uint8Array.from([
    ...etherTypes[p.family],
    ...[0, 0, 0, 0, 0, interfaceIndex],
    ...[hardware >>> 8, hardware & 0xff, type, 6, ...address],
    ...packetBytes(p).bytes,
  ]);
}
