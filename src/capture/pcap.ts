/**
 * The classic capture format.
 *
 * Source: draft-ietf-opsawg-pcap; libpcap sf-pcap.c.
 */

import { byteReader } from './byte-reader.ts';
import { type CaptureItem, captureProblem } from './frame.ts';

/** What the magic number says. */
export interface PcapVariant {
  readonly littleEndian: boolean;
  readonly nanoseconds: boolean;
  readonly recordExtraBytes?: number;
}

const headerBytes = 24;
const recordBytes = 16;

/** No recorder writes more into one record (libpcap's MAXIMUM_SNAPLEN, for USB and D-Bus, is 128 MiB). */
export const frameBytesMax = 128 * 1024 * 1024;

/** Frames of a pcap file. */
export function* readPcap(bytes: Uint8Array, variant: PcapVariant): Generator<CaptureItem, void, undefined> {
  const { u16, u32 } = byteReader(bytes, variant.littleEndian);
  if (bytes.length < headerBytes) {
    yield captureProblem(
      'truncated-capture',
      `The file ends within its header of ${headerBytes} bytes`,
      bytes.length,
    );
    return;
  }
  const major = u16(4);
  if (major !== 2) {
    yield captureProblem('capture-version', `The file has the format version ${major}.${u16(6)}, not 2.4`, 4);
    return;
  }
  // The upper half speaks of the frame check sequence; IP has a length of its own, so it is never looked at.
  const linkType = u32(20) & 0xffff;
  const perSecond = variant.nanoseconds ? 1e9 : 1e6;
  const recordHeader = recordBytes + (variant.recordExtraBytes ?? 0);
  let number = 0;
  for (let at = headerBytes; at < bytes.length; ) {
    number++;
    if (at + recordHeader > bytes.length) {
      yield captureProblem('truncated-capture', `The file ends within the header of record ${number}`, at);
      return;
    }
    const captured = u32(at + 8);
    if (captured > frameBytesMax) {
      yield captureProblem(
        'bad-record',
        `Record ${number} claims ${captured} bytes, more than any frame has`,
        at + 8,
        { hint: 'the file is damaged; records before this one were read' },
      );
      return;
    }
    const start = at + recordHeader;
    if (start + captured > bytes.length) {
      const left = bytes.length - start;
      yield captureProblem(
        'truncated-capture',
        `Record ${number} has ${captured} bytes, the file ends after ${left} of them`,
        at,
      );
      return;
    }
    yield {
      kind: 'frame',
      frame: {
        number,
        offsetBytes: at,
        linkType,
        timeMs: u32(at) * 1000 + (u32(at + 4) / perSecond) * 1000,
        interfaceName: undefined,
        direction: undefined,
        bytes: bytes.subarray(start, start + captured),
        lengthBytes: Math.max(u32(at + 12), captured),
      },
    };
    at = start + captured;
  }
}
