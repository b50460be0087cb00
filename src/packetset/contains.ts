/** Whether a concrete packet is in a set: a walk down the diagram that reads a field only where it is asked for. */

import type { Address } from '../net/address.ts';
import { type Bdd, TRUE } from './bdd.ts';
import type { UnknownTable } from './choices.ts';
import type { Codec, Copy, FieldLayout } from './codec.ts';
import { addressAtom, type Coding, interfaceAtom, nameAtom, numberAtom } from './codings.ts';
import { fieldValue, type PacketView } from './packet-view.ts';

interface Column {
  readonly layout: FieldLayout;
  readonly copy: Copy;
  readonly levels: readonly number[];
}

/** Answers membership questions of one space. Not for use from within {@link PacketView.choices}. */
export type Membership = (set: number, view: PacketView) => boolean;

/** Answers for the sets of one graph; reads a field of the packet at most once. */
export function createMembership(bdd: Bdd, codec: Codec, unknowns: UnknownTable): Membership {
  const columns: Column[] = [];
  const columnAtLevel = new Int32Array(codec.levelCount);
  for (const layout of codec.fields.values()) {
    const add = (copy: Copy, levels: readonly number[]): void => {
      for (const level of levels) columnAtLevel[level] = columns.length;
      columns.push({ layout, copy, levels });
    };
    add('now', layout.now);
    if (layout.entry !== layout.now) add('entry', layout.entry);
  }
  const bits = new Uint8Array(codec.levelCount);
  /** 1 for levels whose field has been read from the packet at hand. */
  const ready = new Uint8Array(codec.levelCount);
  // One packet is often looked up in many sets, one after the other.
  let lastView: PacketView | undefined;
  let lastRevision = -1;

  return (set, view) => {
    if (view !== lastView || codec.revision !== lastRevision) {
      lastView = view;
      lastRevision = codec.revision;
      ready.fill(0);
    }
    let f = bdd.descend(set, bits, ready);
    while (f > TRUE) {
      const level = bdd.level(f);
      if (level < codec.levelCount) {
        const { layout, copy, levels } = columns[columnAtLevel[level] as number] as Column;
        const from = copy === 'entry' ? (view.entry ?? view) : view;
        writeCode(layout.coding, levels, fieldValue(from, layout.field), bits);
        for (let i = 0; i < levels.length; i++) ready[levels[i] as number] = 1;
      } else {
        const variable = unknowns.atLevel(level);
        const holds = variable !== undefined && view.choices?.(variable) === true;
        f = holds ? bdd.high(f) : bdd.low(f);
      }
      f = bdd.descend(f, bits, ready);
    }
    return f === TRUE;
  };
}

type FieldValue = number | string | Address | undefined;

function writeCode(coding: Coding, levels: readonly number[], value: FieldValue, bits: Uint8Array): void {
  switch (coding.kind) {
    case 'bits': {
      const word = typeof value === 'number' ? value : 0;
      for (const [i, level] of levels.entries())
        bits[level] = (word >>> (coding.bitNumbers[i] as number)) & 1;
      return;
    }
    case 'rawAddress': {
      const address = value as Address | undefined;
      let i = 0;
      if (coding.hasAbsent) bits[levels[i++] as number] = address === undefined ? 0 : 1;
      for (let bit = 0; i < levels.length; i++, bit++) {
        bits[levels[i] as number] = address === undefined ? 0 : addressBit(address, bit);
      }
      return;
    }
    default: {
      let code = codeOf(coding, value);
      for (let i = levels.length - 1; i >= 0; i--) {
        bits[levels[i] as number] = code & 1;
        code >>>= 1;
      }
    }
  }
}

/** The first code of the atom that holds the value. */
export function codeOf(coding: Exclude<Coding, { kind: 'bits' | 'rawAddress' }>, value: FieldValue): number {
  const { atoms } = coding;
  const skip = atoms.hasAbsent ? 1 : 0;
  if (value === undefined && coding.kind !== 'interfaces') return 0;
  let atom: number;
  switch (coding.kind) {
    case 'numbers':
      atom = numberAtom(coding.atoms, value as number);
      break;
    case 'addresses':
      atom = addressAtom(coding.atoms, value as Address);
      break;
    case 'names':
      atom = nameAtom(coding.atoms, value as string);
      break;
    case 'interfaces':
      atom = interfaceAtom(coding.atoms, value as string | undefined);
  }
  return atoms.firstCodes[Math.max(atom, 0) + skip] as number;
}

/** Bit of an address, 0 the most significant of its family. */
export function addressBit(a: Address, bit: number): number {
  if (a.family === 'ipv4') return (a.w3 >>> (31 - bit)) & 1;
  const word = bit < 32 ? a.w0 : bit < 64 ? a.w1 : bit < 96 ? a.w2 : a.w3;
  return (word >>> (31 - (bit & 31))) & 1;
}
