/**
 * How the values of one field become codes, and back.
 *
 * A field is cut into *atoms*: classes of values that nothing mentioned tells apart. Atoms are numbered in the order
 * of their values, and each owns a run of codes:
 *
 *     values    absent | 0 … 21 | 22 | 23 … 65535 |            boundaries 22 and 23
 *     codes     0        1        2    3 … 2^bits − 1          the last atom owns all that is left over
 *
 * so every code is valid and intervals stay intervals. With spare codes every atom owns several from the start;
 * cutting it later hands out some of them, and every set built before keeps its meaning, because no such set
 * tells the codes of one atom apart.
 */

import { type Address, compareAddresses, type Family } from '../net/address.ts';
import { type InterfacePattern, interfaceNameMax } from '../net/interface-pattern.ts';

/** A run of codes, both ends included. */
export type CodeRange = readonly [low: number, high: number];

/** The atoms of one field. `firstCodes` has one entry more than there are atoms: the end of the last. */
export interface Atoms<V> {
  bits: number;
  readonly firstCodes: number[];
  /** Atom 0 stands for packets without the field. */
  readonly hasAbsent: boolean;
  /** What the atoms stand for; the absent one is left out. In the order of codes. */
  readonly values: V[];
  /** Positions of labels by their text, made at the first question and dropped with each cut. */
  index: ReadonlyMap<string, number> | undefined;
  /** Last words of address atoms, made and dropped likewise. */
  column: Uint32Array | undefined;
}

/** What an atom of a named field stands for. */
export type NameLabel =
  | { readonly kind: 'value'; readonly value: string }
  /** All names that nobody mentioned. */
  | { readonly kind: 'other' };

/** What an atom of an interface field stands for. */
export type InterfaceLabel =
  /** Packets without that interface. */
  | { readonly kind: 'none' }
  | { readonly kind: 'name'; readonly name: string }
  /** Names with this prefix that are neither mentioned themselves nor have a longer mentioned prefix. */
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'other' };

/** `values` of number and address atoms are first values; atom i ends where atom i + 1 begins. */
export type Coding =
  | { readonly kind: 'numbers'; readonly atoms: Atoms<number>; readonly max: number }
  | { readonly kind: 'addresses'; readonly atoms: Atoms<Address>; readonly family: Family }
  | { readonly kind: 'names'; readonly atoms: Atoms<NameLabel> }
  | { readonly kind: 'interfaces'; readonly atoms: Atoms<InterfaceLabel> }
  /** Bit by bit, most significant first; with `hasAbsent` a leading bit says that the field is there. */
  | { readonly kind: 'rawAddress'; readonly family: Family; readonly hasAbsent: boolean }
  /** The bits in use, most significant first. */
  | { readonly kind: 'bits'; readonly bitNumbers: readonly number[] };

/** The address after this one; undefined after the last. */
export function nextAddress(a: Address): Address | undefined {
  let { w0, w1, w2, w3 } = a;
  w3 = (w3 + 1) >>> 0;
  if (a.family === 'ipv4') return w3 === 0 ? undefined : { ...a, w3 };
  if (w3 === 0) w2 = (w2 + 1) >>> 0;
  if (w3 === 0 && w2 === 0) w1 = (w1 + 1) >>> 0;
  if (w3 === 0 && w2 === 0 && w1 === 0) w0 = (w0 + 1) >>> 0;
  return (w0 | w1 | w2 | w3) === 0 ? undefined : { family: a.family, w0, w1, w2, w3 };
}

/** The address before this one; undefined before the first. */
export function previousAddress(a: Address): Address | undefined {
  let { w0, w1, w2, w3 } = a;
  if ((w0 | w1 | w2 | w3) === 0) return undefined;
  if (w3 === 0 && a.family === 'ipv6') {
    if (w2 === 0) {
      if (w1 === 0) w0 = (w0 - 1) >>> 0;
      w1 = (w1 - 1) >>> 0;
    }
    w2 = (w2 - 1) >>> 0;
  }
  w3 = (w3 - 1) >>> 0;
  return { family: a.family, w0, w1, w2, w3 };
}

// ---------------------------------------------------------------------------------------------- making

/**
 * Gives each atom `spareCodes` codes beyond its own (rounded up to a power of two in all). The low bits that this
 * adds are read by no set until an atom is cut, and so cost nothing.
 */
export function makeAtoms<V>(values: V[], hasAbsent: boolean, spareCodes: number): Atoms<V> {
  const count = values.length + (hasAbsent ? 1 : 0);
  const spareBits = Math.ceil(Math.log2(1 + spareCodes));
  const bits = Math.ceil(Math.log2(count)) + spareBits;
  const firstCodes = Array.from({ length: count }, (_, i) => i * 2 ** spareBits);
  firstCodes.push(2 ** bits);
  return { bits, firstCodes, hasAbsent, values, index: undefined, column: undefined };
}

/** Labels of interfaces, so that every mentioned prefix is one run: none, names and prefixes in order, other. */
export function interfaceLabels(patterns: readonly InterfacePattern[]): InterfaceLabel[] {
  const names = new Set<string>();
  const prefixes = new Set<string>();
  for (const p of patterns) {
    // No longer name than the longest prefix exists.
    if (p.exact || p.name.length >= interfaceNameMax) names.add(p.name);
    else if (p.name !== '') prefixes.add(p.name);
  }
  // The empty name is no interface's: it is how the kernel compares an absent one.
  names.delete('');
  const labels: InterfaceLabel[] = [
    ...[...prefixes].map((prefix) => ({ kind: 'prefix', prefix }) as const),
    ...[...names].map((name) => ({ kind: 'name', name }) as const),
  ];
  const text = (l: InterfaceLabel): string =>
    l.kind === 'prefix' ? l.prefix : l.kind === 'name' ? l.name : '';
  labels.sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : a.kind === 'prefix' ? -1 : 1));
  return [{ kind: 'none' }, ...labels, { kind: 'other' }];
}

// ---------------------------------------------------------------------------------------------- looking up

/** Index of the last entry that is not above x, in an ascending list whose first entry is not above x. */
function lastNotAbove(starts: readonly number[], x: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as number) <= x) low = middle;
    else high = middle;
  }
  return low;
}

/** Index into `values` of the atom that holds the number. */
export function numberAtom(atoms: Atoms<number>, x: number): number {
  return lastNotAbove(atoms.values, x);
}

/** Index into `values` of the atom that holds the address. */
export function addressAtom(atoms: Atoms<Address>, a: Address): number {
  if (a.family === 'ipv4') return ipv4Atom(atoms, a.w3);
  const starts = atoms.values;
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (compareAddresses(starts[middle] as Address, a) <= 0) low = middle;
    else high = middle;
  }
  return low;
}

/** The same for a family that fits into one number: over a plain column, since lookups of packets come through here. */
function ipv4Atom(atoms: Atoms<Address>, word: number): number {
  atoms.column ??= Uint32Array.from(atoms.values, (start) => start.w3);
  const { column } = atoms;
  let low = 0;
  let high = column.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((column[middle] as number) <= word) low = middle;
    else high = middle;
  }
  return low;
}

const otherKey = 'other';
const noneKey = 'none';

function labelKey(label: NameLabel | InterfaceLabel): string {
  switch (label.kind) {
    case 'value':
      return `=${label.value}`;
    case 'name':
      return `=${label.name}`;
    case 'prefix':
      return `^${label.prefix}`;
    default:
      return label.kind;
  }
}

function labelIndex(atoms: Atoms<NameLabel> | Atoms<InterfaceLabel>): ReadonlyMap<string, number> {
  atoms.index ??= new Map(atoms.values.map((label, i) => [labelKey(label), i]));
  return atoms.index;
}

/** Index into `values` of the atom of a name; −1 for a name that a closed list does not have. */
export function nameAtom(atoms: Atoms<NameLabel>, value: string): number {
  const index = labelIndex(atoms);
  return index.get(`=${value}`) ?? index.get(otherKey) ?? -1;
}

/** Index into `values` of the atom of an interface, or of its absence. */
export function interfaceAtom(atoms: Atoms<InterfaceLabel>, name: string | undefined): number {
  const index = labelIndex(atoms);
  if (name === undefined) return index.get(noneKey) ?? -1;
  const exact = index.get(`=${name}`);
  if (exact !== undefined) return exact;
  for (let length = Math.min(name.length, interfaceNameMax - 1); length > 0; length--) {
    const atom = index.get(`^${name.slice(0, length)}`);
    if (atom !== undefined) return atom;
  }
  return index.get(otherKey) ?? -1;
}

/** Codes of the atoms with these indices into `values`, both ends included. */
export function codesOf<V>(atoms: Atoms<V>, first: number, last: number): CodeRange {
  const skip = atoms.hasAbsent ? 1 : 0;
  return [atoms.firstCodes[first + skip] as number, (atoms.firstCodes[last + skip + 1] as number) - 1];
}

/** Codes of the atoms that satisfy a condition, as few runs as possible. Linear in atoms. */
export function codesWhere<V>(atoms: Atoms<V>, holds: (value: V) => boolean): CodeRange[] {
  const runs: [number, number][] = [];
  for (const [i, value] of atoms.values.entries()) {
    if (!holds(value)) continue;
    const [low, high] = codesOf(atoms, i, i);
    const before = runs.at(-1);
    if (before !== undefined && before[1] === low - 1) before[1] = high;
    else runs.push([low, high]);
  }
  return runs;
}

/** Index into `values` of the atom that owns the code; −1 for the absent atom. */
export function atomOfCode<V>(atoms: Atoms<V>, code: number): number {
  return lastNotAbove(atoms.firstCodes, code) - (atoms.hasAbsent ? 1 : 0);
}

/** Whether all names of the label match the pattern. A label never matches in part. */
export function labelMatches(label: InterfaceLabel, pattern: InterfacePattern): boolean {
  const { name } = pattern;
  if (!pattern.exact && name === '') return true;
  if (pattern.exact || name.length >= interfaceNameMax) {
    return label.kind === 'name' ? label.name === name : label.kind === 'none' && name === '';
  }
  if (label.kind === 'name') return label.name.startsWith(name);
  return label.kind === 'prefix' && label.prefix.startsWith(name);
}

// ---------------------------------------------------------------------------------------------- cutting

/**
 * Cuts the atom with this index into `values` in two. `value` is what the second half stands for. The first gets
 * `share` of the codes ("one", or half). False where the atom owns a single code.
 */
export function cutAtom<V>(
  atoms: Atoms<V>,
  index: number,
  value: V,
  share: 'one' | 'all-but-one' | 'half',
): boolean {
  const [low, high] = codesOf(atoms, index, index);
  const count = high - low + 1;
  if (count < 2) return false;
  atoms.index = undefined;
  atoms.column = undefined;
  const first = share === 'one' ? 1 : share === 'half' ? Math.ceil(count / 2) : count - 1;
  atoms.values.splice(index + 1, 0, value);
  atoms.firstCodes.splice(index + 1 + (atoms.hasAbsent ? 1 : 0), 0, low + first);
  return true;
}
