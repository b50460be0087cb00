/**
 * A packet space that only writes down what is asked of it: the description of a match as a small expression. It
 * turns match options into one packet without asking any extension for more than the set it already describes.
 */

import type { AddressRange, Network } from '../net/address.ts';
import { addressText, networkText } from '../net/address-text.ts';
import { type InterfacePattern, interfacePatternText } from '../net/interface-pattern.ts';
import type {
  AddressField,
  BitField,
  Choice,
  IntervalField,
  NamedField,
  PacketSet,
  PacketSpace,
} from '../packetset/space.ts';

/** One condition on one field. */
export type Condition =
  | { readonly kind: 'interval'; readonly field: IntervalField; readonly low: number; readonly high: number }
  | { readonly kind: 'bits'; readonly field: BitField; readonly value: number; readonly mask: number }
  | { readonly kind: 'network'; readonly field: AddressField; readonly network: Network }
  | { readonly kind: 'addresses'; readonly field: AddressField; readonly range: AddressRange }
  | { readonly kind: 'interface'; readonly direction: 'in' | 'out'; readonly pattern: InterfacePattern }
  | { readonly kind: 'named'; readonly field: NamedField; readonly value: string }
  | { readonly kind: 'has'; readonly field: IntervalField | NamedField }
  | { readonly kind: 'tracked' }
  | { readonly kind: 'addressType'; readonly field: 'src' | 'dst'; readonly type: string }
  | { readonly kind: 'choice'; readonly choice: Choice };

/** A condition that must hold, or must not. */
export interface Literal {
  readonly condition: Condition;
  readonly negated: boolean;
}

type Node =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'and' | 'or'; readonly a: number; readonly b: number }
  | { readonly kind: 'not'; readonly a: number }
  | { readonly kind: 'condition'; readonly condition: Condition };

/** The space, and what was written down in it. */
export interface DraftSpace extends PacketSpace {
  /**
   * The ways in which a set's expression can hold, each as a list of literals that must hold together. At most
   * `limit` ways are given.
   */
  ways(set: PacketSet, limit: number): readonly (readonly Literal[])[];
}

const all = 0 as PacketSet;
const none = 1 as PacketSet;

/** An empty draft. */
export function draftSpace(): DraftSpace {
  const nodes: Node[] = [{ kind: 'all' }, { kind: 'none' }];
  const ids = new Map<string, number>();
  const make = (key: string, node: Node): PacketSet => {
    let id = ids.get(key);
    if (id === undefined) {
      id = nodes.length;
      nodes.push(node);
      ids.set(key, id);
    }
    return id as PacketSet;
  };
  const condition = (key: string, c: Condition): PacketSet =>
    make(`${c.kind} ${key}`, { kind: 'condition', condition: c });
  const not = (a: PacketSet): PacketSet => {
    if (a === all) return none;
    if (a === none) return all;
    const node = nodes[a] as Node;
    return node.kind === 'not' ? (node.a as PacketSet) : make(`not ${a}`, { kind: 'not', a });
  };
  const pair = (kind: 'and' | 'or', a: PacketSet, b: PacketSet): PacketSet =>
    make(`${kind} ${Math.min(a, b)} ${Math.max(a, b)}`, { kind, a, b });

  function ways(set: PacketSet, limit: number): readonly (readonly Literal[])[] {
    const expand = (id: number, negated: boolean): Literal[][] => {
      const node = nodes[id] as Node;
      switch (node.kind) {
        case 'all':
          return negated ? [] : [[]];
        case 'none':
          return negated ? [[]] : [];
        case 'not':
          return expand(node.a, !negated);
        case 'condition':
          return [[{ condition: node.condition, negated }]];
        default: {
          const left = expand(node.a, negated);
          if ((node.kind === 'or') !== negated) return [...left, ...expand(node.b, negated)].slice(0, limit);
          const right = expand(node.b, negated);
          const out: Literal[][] = [];
          for (const l of left) for (const r of right) if (out.length < limit) out.push([...l, ...r]);
          return out;
        }
      }
    };
    return expand(set, false);
  }

  return {
    all,
    none,
    and: (a, b) =>
      a === none || b === none || a === not(b)
        ? none
        : a === all
          ? b
          : b === all || a === b
            ? a
            : pair('and', a, b),
    or: (a, b) =>
      a === all || b === all || a === not(b)
        ? all
        : a === none
          ? b
          : b === none || a === b
            ? a
            : pair('or', a, b),
    not,
    interval: (field, low, high) =>
      low > high ? none : condition(`${field} ${low} ${high}`, { kind: 'interval', field, low, high }),
    bits: (field, value, mask) =>
      (value & ~mask) !== 0
        ? none
        : mask === 0
          ? all
          : condition(`${field} ${value} ${mask}`, {
              kind: 'bits',
              field,
              value: value >>> 0,
              mask: mask >>> 0,
            }),
    network: (field, network) =>
      condition(`${field} ${networkText(network)}`, { kind: 'network', field, network }),
    addresses: (field, range) =>
      condition(`${field} ${addressText(range.low)}-${addressText(range.high)}`, {
        kind: 'addresses',
        field,
        range,
      }),
    interface: (direction, pattern) =>
      condition(`${direction} ${interfacePatternText(pattern)}`, { kind: 'interface', direction, pattern }),
    named: (field, value) => condition(`${field} ${value}`, { kind: 'named', field, value }),
    has: (field) => condition(field, { kind: 'has', field }),
    tracked: () => condition('', { kind: 'tracked' }),
    addressType: (field, type) => condition(`${field} ${type}`, { kind: 'addressType', field, type }),
    choice: (choice) => condition(JSON.stringify(choice), { kind: 'choice', choice }),
    ways,
  };
}
