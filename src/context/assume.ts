/** `--assume KEY=VALUE`: what the user pins. */

import { type Address, sameAddress } from '../net/address.ts';
import { addressText, parseIpv4, parseIpv6 } from '../net/address-text.ts';

/** One assumption, read. */
export type Assumption =
  | { readonly kind: 'local' | 'remote'; readonly address: Address }
  | { readonly kind: 'limit'; readonly value: 'under' | 'over' }
  | { readonly kind: 'random'; readonly value: 'yes' | 'no' }
  /** Members of a set, in place of those that were read. */
  | { readonly kind: 'set'; readonly name: string; readonly elements: readonly string[] }
  | { readonly kind: 'conntrack'; readonly value: 'on' | 'off' | 'auto' }
  /** Whether a rule matches; `ruleNumber` counts from 1. */
  | {
      readonly kind: 'rule';
      readonly table: string;
      readonly chain: string;
      readonly ruleNumber: number;
      readonly value: 'yes' | 'no';
    };

/** Why a text is no assumption: a sentence without a full stop, and what would do. */
export interface AssumptionError {
  readonly message: string;
  readonly hint: string;
}

/** The keys with their values, for help texts. */
const assumptionForms: readonly string[] = [
  'local=ADDR',
  'remote=ADDR',
  'limit=under|over',
  'random=yes|no',
  'set:NAME=ADDR,…',
  'conntrack=on|off|auto',
  'rule:TABLE/CHAIN/N=yes|no',
];

/** Tells an error from an assumption. */
export function isAssumptionError(x: Assumption | AssumptionError): x is AssumptionError {
  return 'message' in x;
}

function oneOf<T extends string>(key: string, value: string, words: readonly T[]): T | AssumptionError {
  const word = words.find((w) => w === value);
  return word ?? { message: `"${value}" is no value of "${key}"`, hint: `${key}=${words.join('|')}` };
}

/**
 * Reads one assumption.
 *
 * @example
 * parseAssumption('rule:filter/INPUT/3=yes')
 */
export function parseAssumption(text: string): Assumption | AssumptionError {
  // The value of rule:… is behind the last `=`; a chain's name may hold one.
  const eq = text.startsWith('rule:') ? text.lastIndexOf('=') : text.indexOf('=');
  if (eq < 0)
    return {
      message: `"${text}" is no assumption: it has no "="`,
      hint: `write one of ${assumptionForms.join(', ')}`,
    };
  const key = text.slice(0, eq);
  const value = text.slice(eq + 1);
  if (key === 'local' || key === 'remote') {
    const address = parseIpv4(value) ?? parseIpv6(value);
    if (address) return { kind: key, address };
    const slash = value.indexOf('/');
    return {
      message: `"${value}" is not an address`,
      hint:
        slash > 0 && (parseIpv4(value.slice(0, slash)) ?? parseIpv6(value.slice(0, slash)))
          ? `one address at a time: ${key}=${value.slice(0, slash)}`
          : `${key}=${key === 'local' ? '203.0.113.5' : '198.51.100.7'}`,
    };
  }
  if (key === 'limit') {
    const word = oneOf(key, value, ['under', 'over'] as const);
    return typeof word === 'string' ? { kind: key, value: word } : word;
  }
  if (key === 'random') {
    const word = oneOf(key, value, ['yes', 'no'] as const);
    return typeof word === 'string' ? { kind: key, value: word } : word;
  }
  if (key === 'conntrack') {
    const word = oneOf(key, value, ['on', 'off', 'auto'] as const);
    return typeof word === 'string' ? { kind: key, value: word } : word;
  }
  if (key.startsWith('set:')) {
    const name = key.slice(4);
    if (name === '') return { message: 'The name of the set is missing', hint: 'set:NAME=192.0.2.1,…' };
    // An element of several dimensions holds commas of its own: those are parted by blanks.
    const elements = (value.includes(' ') ? value.split(' ') : value.split(',')).filter((e) => e !== '');
    return { kind: 'set', name, elements };
  }
  if (key.startsWith('rule:')) {
    const m = /^([^/]+)\/(.+)\/([1-9]\d{0,8})$/.exec(key.slice(5));
    if (!m)
      return {
        message: `"${key.slice(5)}" does not name a rule`,
        hint: 'rule:filter/INPUT/3=yes is the third rule of INPUT in the filter table',
      };
    const word = oneOf(key, value, ['yes', 'no'] as const);
    if (typeof word !== 'string') return word;
    return { kind: 'rule', table: m[1] ?? '', chain: m[2] ?? '', ruleNumber: Number(m[3]), value: word };
  }
  const near = assumptionForms.find((f) => f.startsWith(key.slice(0, 3)) && key.length > 2);
  return {
    message: `"${key}" is nothing that can be assumed`,
    hint: near ? `did you mean ${near}?` : `write one of ${assumptionForms.join(', ')}`,
  };
}

/** The assumption as it would be written. */
export function assumptionText(a: Assumption): string {
  switch (a.kind) {
    case 'local':
    case 'remote':
      return `${a.kind}=${addressText(a.address)}`;
    case 'limit':
    case 'random':
    case 'conntrack':
      return `${a.kind}=${a.value}`;
    case 'set':
      return `set:${a.name}=${a.elements.join(a.elements.some((e) => e.includes(',')) ? ' ' : ',')}`;
    case 'rule':
      return `rule:${a.table}/${a.chain}/${a.ruleNumber}=${a.value}`;
  }
}

/** Says which two assumptions contradict each other. */
export function contradiction(list: readonly Assumption[]): AssumptionError | undefined {
  for (const [i, a] of list.entries()) {
    for (const b of list.slice(0, i)) {
      const opposed =
        ((a.kind === 'local' && b.kind === 'remote') || (a.kind === 'remote' && b.kind === 'local')) &&
        sameAddress(a.address, b.address);
      const sameKey =
        a.kind === b.kind &&
        assumptionText(a) !== assumptionText(b) &&
        assumptionText(a).split('=')[0] === assumptionText(b).split('=')[0] &&
        a.kind !== 'local' &&
        a.kind !== 'remote';
      if (opposed || sameKey)
        return {
          message: `"${assumptionText(a)}" contradicts "${assumptionText(b)}"`,
          hint: 'give one of them',
        };
    }
  }
  return undefined;
}
