/**
 * Runs classic BPF programs over the bytes of a packet, as the kernel does for `-m bpf`.
 *
 * Source: net/core/filter.c bpf_convert_filter(), bpf_skb_load_helper_8() and its fellows; Documentation/networking/filter.rst.
 */

import type { Packet } from '../model/packet.ts';
import type { BpfInstruction } from './classic-bpf.ts';
import type { PacketBytes } from './packet-bytes.ts';

/** Where the areas of negative offsets begin: SKF_AD_OFF, SKF_NET_OFF, SKF_LL_OFF. */
const ancillaryStart = 0xfffff000;
const networkStart = 0xfff00000;
const linkStart = 0xffe00000;

/** Ancillary data that the packet tells: SKF_AD_PROTOCOL, SKF_AD_MARK, SKF_AD_ALU_XOR_X. */
const ancillary = { protocol: 0, mark: 20, xor: 40 } as const;

/** A 32-bit number; undefined: made of bytes that are not known. */
type Register = number | undefined;

const sizes: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1 };

/** A number in network order; `outside`: the program ends there, and says no. */
function load({ bytes, known }: PacketBytes, offset: number, size: number): Register | 'outside' {
  let at = offset;
  if (offset >= networkStart) at = offset - networkStart;
  // The frame in front of the packet is not described.
  else if (offset >= linkStart) return undefined;
  if (at + size > bytes.length) return 'outside';
  let value = 0;
  for (let i = at; i < at + size; i++) {
    if (known[i] !== 1) return undefined;
    value = value * 256 + (bytes[i] ?? 0);
  }
  return value;
}

/** One step of arithmetic; `outside`: a division by zero, which ends the program as well. */
function calculate(operation: number, a: Register, b: Register): Register | 'outside' {
  if ((operation === 0x30 || operation === 0x90) && b === 0) return 'outside';
  if (operation === 0x80) return a === undefined ? undefined : -a >>> 0;
  // A mask, or a factor, of nothing leaves nothing of what is not known either.
  if ((operation === 0x50 || operation === 0x20) && (a === 0 || b === 0)) return 0;
  if (a === undefined || b === undefined) return undefined;
  switch (operation) {
    case 0x00:
      return (a + b) >>> 0;
    case 0x10:
      return (a - b) >>> 0;
    case 0x20:
      return Math.imul(a, b) >>> 0;
    case 0x30:
      return Math.floor(a / b);
    case 0x40:
      return (a | b) >>> 0;
    case 0x50:
      return (a & b) >>> 0;
    case 0x60:
      return (a << (b & 31)) >>> 0;
    case 0x70:
      return a >>> (b & 31);
    case 0x90:
      return a % b;
    default:
      return (a ^ b) >>> 0;
  }
}

function isTaken(condition: number, a: number, b: number): boolean {
  switch (condition) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    default:
      return (a & b) !== 0;
  }
}

/**
 * What the program returns: the match says yes to anything but 0. Undefined: it hangs on what is not known of the packet.
 * The program must be one that the kernel takes (`isValidBpf`), so that jumps lead forward and an end is reached.
 */
export function runBpf(program: readonly BpfInstruction[], packet: Packet, data: PacketBytes): Register {
  let a: Register = 0;
  let x: Register = 0;
  const memory: Register[] = [];
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jt, jf, k } = program[pc] as BpfInstruction;
    const operand = (code & 0x08) === 0 ? k : x;
    switch (code & 0x07) {
      case 0x00:
      case 0x01: {
        const value = loaded(code, k);
        if (value === 'outside') return 0;
        if ((code & 0x07) === 0) a = value;
        else x = value;
        break;
      }
      case 0x02:
        memory[k] = a;
        break;
      case 0x03:
        memory[k] = x;
        break;
      case 0x04: {
        const value = calculate(code & 0xf0, a, operand);
        if (value === 'outside') return 0;
        a = value;
        break;
      }
      case 0x05:
        if (code === 0x05) pc += k;
        else if (a === undefined || operand === undefined) return undefined;
        else pc += isTaken(code & 0xf0, a, operand) ? jt : jf;
        break;
      case 0x06:
        return code === 0x06 ? k : a;
      default:
        if (code === 0x07) x = a;
        else a = x;
    }
  }
  return undefined;

  function loaded(code: number, k: number): Register | 'outside' {
    switch (code & 0xe0) {
      case 0x00:
        return k;
      case 0x20:
        if (k >= ancillaryStart) return told(k - ancillaryStart);
        return load(data, k, sizes[code & 0x18] ?? 4);
      case 0x40:
        return x === undefined ? undefined : load(data, (x + k) >>> 0, sizes[code & 0x18] ?? 4);
      case 0x60:
        return memory[k];
      case 0x80:
        return packet.lengthBytes;
      default: {
        // 4 * (P[k] & 0xf): the length of an IPv4 header.
        const byte = load(data, k, 1);
        return typeof byte === 'number' ? (byte & 0xf) * 4 : byte;
      }
    }
  }

  function told(offset: number): Register {
    if (offset === ancillary.protocol) return packet.family === 'ipv4' ? 0x0800 : 0x86dd;
    if (offset === ancillary.mark) return packet.mark;
    if (offset === ancillary.xor) return calculate(0xa0, a, x) as Register;
    return undefined;
  }
}
