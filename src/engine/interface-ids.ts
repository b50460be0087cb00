/** Interface names as numbers, so that a chain compares numbers where its rules compare names. */

import type { InterfacePattern } from '../net/interface-pattern.ts';

/** How one name stands to the patterns. */
export interface KnownInterface {
  /** Equal to a column's number where a rule names it exactly; -1: no rule does. */
  readonly id: number;
  /** For each pattern with `+`: 1 where the name begins as it says. */
  readonly begins: Uint8Array;
}

/** Names that are kept ready; packets may come with any number of them. */
const namesMax = 4096;

/**
 * The names and patterns that rules mention, each numbered from 0. A column holds the number of a name (not negative),
 * or the complement of a pattern's number (negative).
 */
export class InterfaceIds {
  readonly #names = new Map<string, number>();
  readonly #patterns = new Map<string, number>();
  readonly #known = new Map<string, KnownInterface>();

  /** What stands in a column for this pattern. */
  columnValue(pattern: InterfacePattern): number {
    const numbers = pattern.exact ? this.#names : this.#patterns;
    let number = numbers.get(pattern.name);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(pattern.name, number);
      this.#known.clear();
    }
    return pattern.exact ? number : ~number;
  }

  /** How the name stands to all of them; an absent interface has the empty name. */
  find(name: string | undefined): KnownInterface {
    const actual = name ?? '';
    let known = this.#known.get(actual);
    if (known === undefined) {
      if (this.#known.size >= namesMax) this.#known.clear();
      const begins = Uint8Array.from(this.#patterns.keys(), (start) => (actual.startsWith(start) ? 1 : 0));
      known = { id: this.#names.get(actual) ?? -1, begins };
      this.#known.set(actual, known);
    }
    return known;
  }
}

/** Whether an interface is what a column's value stands for. */
export function isInterface(known: KnownInterface, value: number): boolean {
  return value >= 0 ? known.id === value : known.begins[~value] === 1;
}
