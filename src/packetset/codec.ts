/** Which variables encode which field: made once from all that is mentioned, cut further while spare codes last. */

import { addressBits, compareAddresses, type Family, sameAddress, zeroAddress } from '../net/address.ts';
import { type InterfacePattern, interfaceNameMax } from '../net/interface-pattern.ts';
import type { Boundaries, Mentioned } from './boundaries.ts';
import {
  addressAtom,
  type Coding,
  codesOf,
  cutAtom,
  type InterfaceLabel,
  interfaceAtom,
  interfaceLabels,
  makeAtoms,
  nameAtom,
  nextAddress,
  numberAtom,
} from './codings.ts';
import { type FieldName, fieldNames, fieldSpecs } from './fields.ts';

/** The packet's header as it is now, or as it was when the packet came in. */
export type Copy = 'now' | 'entry';

/** One field's variables. */
export interface FieldLayout {
  readonly field: FieldName;
  readonly coding: Coding;
  /** Levels of the code's bits, most significant first. */
  readonly now: readonly number[];
  /** The same for the header at entry; equal to `now` for a field that nothing rewrites. */
  readonly entry: readonly number[];
}

/** The variables of all fields in use. Sets belong to one codec. */
export interface Codec {
  readonly family: Family;
  /** Fields in use, in the order of their variables. A field that is not in use is never mentioned. */
  readonly fields: ReadonlyMap<FieldName, FieldLayout>;
  /** Levels taken by fields; choices take the levels from here on. */
  readonly levelCount: number;
  /** Groups of fields that share one partition. */
  readonly linked: readonly (readonly FieldName[])[];
  /**
   * Cuts atoms so that these boundaries are separated too. Sets built before stay what they are. False where that
   * cannot be done (no spare codes left, a field or a bit that was not in use): then a new codec is needed, and
   * sets of the two do not mix.
   */
  extend(boundaries: Boundaries): boolean;
  /** Grows with every extension: codes read before may be out of date. */
  readonly revision: number;
}

/** What the encoding has to allow for beyond the boundaries. */
export interface CodecOptions {
  /** How many cuts every atom can still take, at the least. Two are what a single new address needs. */
  readonly spareCodes?: number;
  /** Fields that some target rewrites: these get a second copy of their variables, for the header at entry. */
  readonly rewritten?: readonly FieldName[];
  /** Linked fields whose bits alternate, because one is mostly the copy of the other. */
  readonly interleaved?: readonly (readonly FieldName[])[];
}

/** Cuts every field in use into atoms and gives them variables. */
export function buildCodec(boundaries: Boundaries, options: CodecOptions = {}): Codec {
  const { family } = boundaries;
  const spareCodes = options.spareCodes ?? 0;
  const rewritten = new Set(options.rewritten);
  const codings = new Map<FieldName, Coding>();
  for (const field of fieldNames) {
    const m = boundaries.fields[field];
    if (m === undefined) continue;
    // Linked fields have one partition: where one of them can be absent, all have that atom.
    const group = boundaries.linked.find((g) => g.includes(field)) ?? [field];
    codings.set(field, coding(field, m, family, group.some(isOptional), spareCodes));
  }
  const levels = new Map<string, number[]>();
  let levelCount = 0;
  const placed = new Set<FieldName>();
  for (const field of codings.keys()) {
    if (placed.has(field)) continue;
    const group = options.interleaved?.find((g) => g.includes(field)) ?? [field];
    const members = fieldNames.filter((f) => group.includes(f) && codings.has(f) && !placed.has(f));
    const columns: { readonly field: FieldName; readonly copy: Copy; readonly bits: number }[] = [];
    for (const f of members) {
      placed.add(f);
      const bits = bitCount(codings.get(f) as Coding);
      if (rewritten.has(f)) columns.push({ field: f, copy: 'entry', bits });
      columns.push({ field: f, copy: 'now', bits });
    }
    const longest = Math.max(...columns.map((c) => c.bits));
    for (let bit = longest - 1; bit >= 0; bit--) {
      for (const c of columns) {
        if (bit >= c.bits) continue;
        const key = `${c.copy} ${c.field}`;
        const list = levels.get(key) ?? [];
        levels.set(key, list);
        list.push(levelCount++);
      }
    }
  }
  const fields = new Map<FieldName, FieldLayout>();
  for (const [field, c] of codings) {
    const now = levels.get(`now ${field}`) ?? [];
    fields.set(field, { field, coding: c, now, entry: levels.get(`entry ${field}`) ?? now });
  }
  let revision = 0;
  return {
    family,
    fields,
    levelCount,
    linked: boundaries.linked,
    extend: (more) => {
      revision++;
      return extend(fields, more);
    },
    get revision() {
      return revision;
    },
  };
}

function bitCount(c: Coding): number {
  switch (c.kind) {
    case 'bits':
      return c.bitNumbers.length;
    case 'rawAddress':
      return addressBits(c.family) + (c.hasAbsent ? 1 : 0);
    default:
      return c.atoms.bits;
  }
}

function isOptional(field: FieldName): boolean {
  const spec = fieldSpecs[field];
  return 'optional' in spec && spec.optional;
}

function coding(
  field: FieldName,
  m: Mentioned,
  family: Family,
  hasAbsent: boolean,
  spareCodes: number,
): Coding {
  const spec = fieldSpecs[field];
  switch (m.kind) {
    case 'interval':
      return {
        kind: 'numbers',
        max: spec.kind === 'interval' ? spec.max : 0,
        atoms: makeAtoms([0, ...m.starts], hasAbsent, spareCodes),
      };
    case 'address': {
      return m.raw
        ? { kind: 'rawAddress', family, hasAbsent }
        : {
            kind: 'addresses',
            family,
            atoms: makeAtoms([zeroAddress(family), ...m.starts], hasAbsent, spareCodes),
          };
    }
    case 'bits':
      return { kind: 'bits', bitNumbers: bitNumbers(m.mask) };
    case 'named': {
      const closed = spec.kind === 'named' ? spec.closed : undefined;
      if (closed !== undefined) {
        const values = closed.map((value) => ({ kind: 'value', value }) as const);
        return { kind: 'names', atoms: makeAtoms(values, false, 0) };
      }
      const values = m.values.map((value) => ({ kind: 'value', value }) as const);
      return { kind: 'names', atoms: makeAtoms([...values, { kind: 'other' }], hasAbsent, spareCodes) };
    }
    case 'interface':
      return { kind: 'interfaces', atoms: makeAtoms(interfaceLabels(m.patterns), false, spareCodes) };
  }
}

/** Numbers of the bits set in a mask, highest first. */
function bitNumbers(mask: number): number[] {
  const list: number[] = [];
  for (let bit = 31; bit >= 0; bit--) if ((mask >>> bit) & 1) list.push(bit);
  return list;
}

// ---------------------------------------------------------------------------------------------- extending

function extend(fields: ReadonlyMap<FieldName, FieldLayout>, more: Boundaries): boolean {
  for (const field of fieldNames) {
    const m = more.fields[field];
    if (m === undefined) continue;
    const layout = fields.get(field);
    if (layout === undefined || !extendCoding(layout.coding, m)) return false;
  }
  return true;
}

function extendCoding(c: Coding, m: Mentioned): boolean {
  switch (c.kind) {
    case 'bits':
      return m.kind === 'bits' && bitNumbers(m.mask).every((b) => c.bitNumbers.includes(b));
    case 'rawAddress':
      return m.kind === 'address';
    case 'numbers':
      return (
        m.kind === 'interval' &&
        m.starts.every((start) => {
          const i = numberAtom(c.atoms, start);
          const from = c.atoms.values[i] as number;
          if (from === start) return true;
          const to = c.atoms.values[i + 1] ?? c.max + 1;
          return cutAtom(
            c.atoms,
            i,
            start,
            start - from === 1 ? 'one' : to - start === 1 ? 'all-but-one' : 'half',
          );
        })
      );
    case 'addresses':
      return (
        m.kind === 'address' &&
        !m.raw &&
        m.starts.every((start) => {
          const i = addressAtom(c.atoms, start);
          const from = c.atoms.values[i] ?? start;
          if (compareAddresses(from, start) === 0) return true;
          const afterFrom = nextAddress(from);
          const one = afterFrom !== undefined && sameAddress(afterFrom, start);
          return cutAtom(c.atoms, i, start, one ? 'one' : 'half');
        })
      );
    case 'names':
      return (
        m.kind === 'named' &&
        m.values.every((value) => {
          const i = nameAtom(c.atoms, value);
          const label = c.atoms.values[i];
          if (label === undefined || label.kind === 'value') return label !== undefined;
          // The new name takes the first code of "any other".
          if (!cutAtom(c.atoms, i, label, 'one')) return false;
          c.atoms.values[i] = { kind: 'value', value };
          return true;
        })
      );
    case 'interfaces':
      return m.kind === 'interface' && m.patterns.every((p) => addPattern(c, p));
  }
}

function addPattern(c: Extract<Coding, { kind: 'interfaces' }>, pattern: InterfacePattern): boolean {
  const { atoms } = c;
  if (pattern.name === '') return true;
  const exact = pattern.exact || pattern.name.length >= interfaceNameMax;
  const isPresent = (l: InterfaceLabel): boolean =>
    exact ? l.kind === 'name' && l.name === pattern.name : l.kind === 'prefix' && l.prefix === pattern.name;
  if (atoms.values.some(isPresent)) return true;
  // The class that the new label is cut out of: for a prefix, the one of names that begin with it.
  const i = exact ? interfaceAtom(atoms, pattern.name) : interfaceAtom(atoms, `${pattern.name}\u0000`);
  const [low, high] = codesOf(atoms, i, i);
  if (low === high) return false;
  const label: InterfaceLabel = exact
    ? { kind: 'name', name: pattern.name }
    : { kind: 'prefix', prefix: pattern.name };
  const old = atoms.values[i] as InterfaceLabel;
  if (!cutAtom(atoms, i, old, exact ? 'one' : 'half')) return false;
  atoms.values[i] = label;
  return true;
}
