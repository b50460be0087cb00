/** The frames of a capture file, one after the other. */

import { type CaptureItem, captureProblem } from './frame.ts';
import { readPcap } from './pcap.ts';
import { readPcapng } from './pcapng.ts';

const packed: readonly (readonly [magic: readonly number[], kind: string, command: string])[] = [
  [[0x1f, 0x8b], 'gzip-compressed', 'zcat'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz-compressed', 'xzcat'],
  [[0x42, 0x5a, 0x68], 'bzip2-compressed', 'bzcat'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd-compressed', 'zstdcat'],
  [[0x04, 0x22, 0x4d, 0x18], 'lz4-compressed', 'lz4cat'],
];

/** Capture files of other programs, by their first bytes. */
const others: readonly (readonly [magic: readonly number[], name: string])[] = [
  [[0x73, 0x6e, 0x6f, 0x6f, 0x70, 0], 'a snoop capture'],
  [[0x58, 0x43, 0x50, 0], 'a NetXRay capture'],
  [[0x52, 0x54, 0x53, 0x53], 'a Network Monitor capture'],
  [[0x47, 0x4d, 0x42, 0x55], 'a Network Monitor capture'],
];

const beginsWith = (bytes: Uint8Array, magic: readonly number[]): boolean =>
  magic.every((byte, at) => bytes[at] === byte);

/** Whether the bytes are text as rulesets are: no control character but white space among the first. */
function looksLikeText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 512);
  return head.length > 0 && head.every((b) => b >= 0x20 || b === 9 || b === 10 || b === 13);
}

/**
 * Reads a capture in the order of the file. Linear in its length; the frames are views into `bytes`. Never throws;
 * the items end after a fatal problem.
 */
export function readCapture(bytes: Uint8Array): Iterable<CaptureItem> {
  const first =
    (bytes[0] ?? 0) * 0x1000000 + (((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0));
  if (bytes.length >= 4) {
    switch (first) {
      case 0xa1b2c3d4:
        return readPcap(bytes, { littleEndian: false, nanoseconds: false });
      case 0xd4c3b2a1:
        return readPcap(bytes, { littleEndian: true, nanoseconds: false });
      case 0xa1b23c4d:
        return readPcap(bytes, { littleEndian: false, nanoseconds: true });
      case 0x4d3cb2a1:
        return readPcap(bytes, { littleEndian: true, nanoseconds: true });
      // Alexey Kuznetzov's variant: eight more bytes in each record.
      case 0xa1b2cd34:
        return readPcap(bytes, { littleEndian: false, nanoseconds: false, recordExtraBytes: 8 });
      case 0x34cdb2a1:
        return readPcap(bytes, { littleEndian: true, nanoseconds: false, recordExtraBytes: 8 });
      case 0x0a0d0d0a:
        return readPcapng(bytes);
      default:
    }
  }
  return [notACapture(bytes)];
}

function notACapture(bytes: Uint8Array): CaptureItem {
  if (bytes.length === 0)
    return captureProblem('empty-capture', 'The capture is empty', 0, {
      hint: 'tcpdump needs root, and writes with -w FILE',
    });
  for (const [magic, kind, command] of packed)
    if (beginsWith(bytes, magic))
      return captureProblem('compressed-capture', `The capture is ${kind}`, 0, {
        hint: `${command} < CAPTURE | fwsim replay - RULES`,
      });
  for (const [magic, name] of others)
    if (beginsWith(bytes, magic))
      return captureProblem('other-capture', `This is ${name}, neither pcap nor pcapng`, 0, {
        hint: 'editcap -F pcapng CAPTURE NEW.pcapng converts it',
      });
  return captureProblem('not-a-capture', 'This is no capture: neither pcap nor pcapng begins so', 0, {
    hint: looksLikeText(bytes)
      ? 'the capture comes first, then the rules: fwsim replay CAPTURE RULES; what tcpdump prints is no capture, what it writes with -w is'
      : 'tcpdump -w FILE and dumpcap write captures',
  });
}
