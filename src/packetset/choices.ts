/** What the packet does not decide, as variables at the end of the order. */

import type { Address } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import type { Copy } from './codec.ts';
import type { AddressField, BitField, Choice, IntervalField } from './space.ts';

/** What one variable beyond the fields stands for. */
export type Unknown =
  | { readonly kind: 'choice'; readonly choice: Choice }
  /** Whether this address has this type for the FIB. */
  | { readonly kind: 'addressOfType'; readonly type: string; readonly address: Address }
  /** Whether the packet's own address has it, where the address is not singled out. */
  | { readonly kind: 'fieldOfType'; readonly type: string; readonly field: 'src' | 'dst' }
  /** A fact about the machine on which context is silent: `conntrack`, `reassembly` … */
  | { readonly kind: 'ambient'; readonly key: string };

/** One variable that was given out for an unknown. */
export interface UnknownVariable {
  readonly unknown: Unknown;
  /** Unknowns with one identity are one variable. Deterministic, fit for sorting, not for reading. */
  readonly identity: string;
  readonly level: number;
}

/**
 * Says which choices are the same. The traversal owns it, because only it knows which rule is being visited and
 * what was written before.
 */
export interface ChoiceScope {
  identity(choice: Choice, copy: Copy): string;
}

/** A scope with a position to move and versions to raise: enough for one straight walk over rules. */
export interface WalkingChoiceScope extends ChoiceScope {
  /** Another rule, or the same by another way: names what `rule` choices belong to. */
  enter(visit: string): void;
  /** A field was rewritten: pure choices that read it are new ones from here on. */
  wroteField(field: IntervalField | AddressField | BitField | 'payload' | 'tcpOptions'): void;
  /** A list was written by a rule. */
  wroteList(list: string): void;
}

/** A scope at the start of its walk: no visit entered, nothing written. */
export function createChoiceScope(): WalkingChoiceScope {
  const fieldVersions = new Map<string, number>();
  const listVersions = new Map<string, number>();
  let visit = '';
  let position = 0;
  const raise = (versions: Map<string, number>, key: string): void => {
    versions.set(key, (versions.get(key) ?? 0) + 1);
  };
  return {
    identity: (choice, copy) => {
      switch (choice.kind) {
        case 'rule':
          // Never the same twice, whatever the text: two equal limits let twice as much through.
          return `rule ${visit}#${position++}`;
        case 'shared':
          return `shared ${choice.list} v${listVersions.get(choice.list) ?? 0} ${choice.key}`;
        case 'pure': {
          const versions = choice.reads
            .map((field) => `${field} v${copy === 'entry' ? 0 : (fieldVersions.get(field) ?? 0)}`)
            .join(' ');
          return `pure ${versions} ${choice.key}`;
        }
      }
    },
    enter: (name) => {
      visit = name;
      position = 0;
    },
    wroteField: (field) => raise(fieldVersions, field),
    wroteList: (list) => raise(listVersions, list),
  };
}

/** The variables given out so far, in the order of their levels, which begin at `firstLevel`. */
export interface UnknownTable {
  readonly variables: readonly UnknownVariable[];
  /** The variable of this unknown; a new one where the identity is new. */
  variable(unknown: Unknown, identity: string): UnknownVariable;
  atLevel(level: number): UnknownVariable | undefined;
}

/** An empty table. */
export function createUnknownTable(firstLevel: number): UnknownTable {
  const variables: UnknownVariable[] = [];
  const byIdentity = new Map<string, UnknownVariable>();
  return {
    variables,
    variable: (unknown, identity) => {
      let v = byIdentity.get(identity);
      if (v === undefined) {
        v = { unknown, identity, level: firstLevel + variables.length };
        variables.push(v);
        byIdentity.set(identity, v);
      }
      return v;
    },
    atLevel: (level) => variables[level - firstLevel],
  };
}

/** Identity of "this address has this type" on one machine: the same wherever the address turns up. */
export function addressTypeIdentity(type: string, address: Address, machine = ''): string {
  return `addressType ${type} ${addressText(address)} ${machine}`.trimEnd();
}

/** What an unknown is called in answers: `203.0.113.5 is LOCAL`, `reassembly`, the key of a choice. */
export function unknownText(unknown: Unknown): string {
  switch (unknown.kind) {
    case 'ambient':
      return unknown.key;
    case 'addressOfType':
      return `${addressText(unknown.address)} is ${unknown.type}`;
    case 'fieldOfType':
      return `${unknown.field === 'src' ? 'source' : 'destination'} is ${unknown.type}`;
    case 'choice':
      return unknown.choice.kind === 'rule' ? 'the rule lets it through' : unknown.choice.key;
  }
}
