/**
 * The next-generation capture format: sections of blocks, several interfaces in each.
 *
 * Source: draft-ietf-opsawg-pcapng.
 */

import { type ByteReader, byteReader } from './byte-reader.ts';
import { type CapturedFrame, type CaptureItem, captureProblem } from './frame.ts';
import { frameBytesMax } from './pcap.ts';

const blockType = {
  interfaceDescription: 1,
  packet: 2,
  simplePacket: 3,
  enhancedPacket: 6,
  sectionHeader: 0x0a0d0d0a,
} as const;

const byteOrderMagic = 0x1a2b3c4d;

/** Interfaces of one section: a file of empty interface blocks must not grow without bound. */
const interfacesMax = 65_536;

interface CaptureInterface {
  readonly linkType: number;
  /** Zero: no limit. */
  readonly snapLengthBytes: number;
  readonly name: string | undefined;
  /** Ticks of a second. */
  readonly ticks: bigint;
  readonly offsetSeconds: bigint;
}

const utf8 = new TextDecoder('utf-8', { fatal: false });

/** Calls back for each option between two offsets; false where one does not fit. */
function readOptions(
  { u16 }: ByteReader,
  from: number,
  to: number,
  visit: (code: number, at: number, length: number) => void,
): boolean {
  for (let at = from; at + 4 <= to; ) {
    const code = u16(at);
    const length = u16(at + 2);
    if (code === 0) return true;
    if (at + 4 + length > to) return false;
    visit(code, at + 4, length);
    at += 4 + ((length + 3) & ~3);
  }
  return true;
}

/** `if_tsresol`: a power of ten, or with the top bit a power of two. */
function ticksOf(byte: number): bigint {
  return byte & 0x80 ? 2n ** BigInt(byte & 0x7f) : 10n ** BigInt(byte);
}

const timeMsMax = 8_640_000_000_000_000;

/** Clock of a frame in milliseconds; what lies outside of the years that dates have is cut to them. */
function timeOf(high: number, low: number, { ticks, offsetSeconds }: CaptureInterface): number {
  // Microseconds fit a double exactly, and nearly every file has them.
  if (ticks === 1_000_000n && offsetSeconds === 0n && high < 0x200000)
    return (high * 0x100000000 + low) / 1000;
  const count = (BigInt(high) << 32n) | BigInt(low);
  const microseconds = (count * 1_000_000n) / ticks + offsetSeconds * 1_000_000n;
  return Math.max(-timeMsMax, Math.min(timeMsMax, Number(microseconds) / 1000));
}

/** Frames of a pcapng file. */
export function* readPcapng(bytes: Uint8Array): Generator<CaptureItem, void, undefined> {
  const big = byteReader(bytes, false);
  let reader = big;
  let interfaces: CaptureInterface[] = [];
  let number = 0;
  for (let at = 0; at < bytes.length; ) {
    if (at + 12 > bytes.length) {
      yield captureProblem('truncated-capture', 'The file ends within the head of a block', at);
      return;
    }
    const isSection = big.u32(at) === blockType.sectionHeader;
    if (isSection) {
      const magic = big.u32(at + 8);
      if (magic !== byteOrderMagic && magic !== 0x4d3c2b1a) {
        yield captureProblem('bad-section', 'A section does not begin with the byte-order magic', at + 8);
        return;
      }
      reader = byteReader(bytes, magic !== byteOrderMagic);
      interfaces = [];
    }
    const { u16, u32 } = reader;
    const type = u32(at);
    const length = u32(at + 4);
    if (length < (isSection ? 28 : 12) || length % 4 !== 0) {
      yield captureProblem('bad-block', `A block claims a length of ${length} bytes`, at + 4);
      return;
    }
    if (at + length > bytes.length) {
      yield captureProblem(
        'truncated-capture',
        `A block has ${length} bytes, the file ends after ${bytes.length - at} of them`,
        at,
      );
      return;
    }
    if (u32(at + length - 4) !== length) {
      yield captureProblem(
        'bad-block',
        `A block of ${length} bytes says ${u32(at + length - 4)} at its end`,
        at + length - 4,
      );
      return;
    }
    const body = at + 8;
    const end = at + length - 4;
    if (isSection && u16(at + 12) !== 1) {
      yield captureProblem(
        'capture-version',
        `A section has the format version ${u16(at + 12)}, not 1`,
        at + 12,
      );
      return;
    }
    if (type === blockType.interfaceDescription) {
      const described = length < 20 ? undefined : readInterface(reader, body, end);
      if (!described) {
        yield captureProblem('bad-block', 'An interface description cannot be read', at);
        return;
      }
      if (interfaces.length >= interfacesMax) {
        yield captureProblem('bad-section', `A section has more than ${interfacesMax} interfaces`, at);
        return;
      }
      interfaces.push(described);
    } else if (
      type === blockType.enhancedPacket ||
      type === blockType.simplePacket ||
      type === blockType.packet
    ) {
      number++;
      const read = readPacketBlock(reader, type, { at, body, end, number }, interfaces);
      yield typeof read === 'string'
        ? captureProblem('bad-record', `Packet ${number} is passed over: ${read}`, at, { fatal: false })
        : { kind: 'frame', frame: read };
    }
    at += length;
  }
}

function readInterface(reader: ByteReader, body: number, end: number): CaptureInterface | undefined {
  let name: string | undefined;
  let ticks = 1_000_000n;
  let offsetSeconds = 0n;
  const sound = readOptions(reader, body + 8, end, (code, at, length) => {
    if (code === 2) name = utf8.decode(reader.bytes.subarray(at, at + length)).replace(/\0.*/s, '');
    else if (code === 9 && length === 1) ticks = ticksOf(reader.u8(at));
    else if (code === 14 && length === 8) {
      const view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset + at, 8);
      offsetSeconds = view.getBigInt64(0, reader.littleEndian);
    }
  });
  if (!sound) return undefined;
  return { linkType: reader.u16(body), snapLengthBytes: reader.u32(body + 4), name, ticks, offsetSeconds };
}

interface BlockPlace {
  readonly at: number;
  readonly body: number;
  /** Where the closing length stands. */
  readonly end: number;
  readonly number: number;
}

/** The frame, or why there is none. */
function readPacketBlock(
  reader: ByteReader,
  type: number,
  { at, body, end, number }: BlockPlace,
  interfaces: readonly CaptureInterface[],
): CapturedFrame | string {
  const { bytes, u16, u32 } = reader;
  const simple = type === blockType.simplePacket;
  const start = body + (simple ? 4 : 20);
  if (start > end) return 'its block is too short';
  const index = simple ? 0 : type === blockType.packet ? u16(body) : u32(body);
  const from = interfaces[index];
  if (!from) return `interface ${index} was not described`;
  const lengthBytes = simple ? u32(body) : u32(body + 16);
  const captured = simple
    ? Math.min(lengthBytes, from.snapLengthBytes === 0 ? lengthBytes : from.snapLengthBytes, end - start)
    : u32(body + 12);
  if (captured > frameBytesMax || start + captured > end)
    return `it claims ${captured} bytes, and its block has room for ${end - start}`;
  let direction: CapturedFrame['direction'];
  if (!simple)
    readOptions(reader, start + ((captured + 3) & ~3), end, (code, option, length) => {
      if (code !== 2 || length !== 4) return;
      const flags = u32(option) & 3;
      direction = flags === 1 ? 'in' : flags === 2 ? 'out' : undefined;
    });
  return {
    number,
    offsetBytes: at,
    linkType: from.linkType,
    timeMs: simple ? undefined : timeOf(u32(body + 4), u32(body + 8), from),
    interfaceName: from.name === '' ? undefined : from.name,
    direction,
    bytes: bytes.subarray(start, start + captured),
    lengthBytes: Math.max(lengthBytes, captured),
  };
}
