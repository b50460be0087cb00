/** Answers to what tests expect of rules, with a message that shows why. */

/**
 * What became of an expectation. `open`: it depends on something that is not known, or could not be decided; such an
 * answer satisfies neither the expectation nor its contrary.
 */
export interface Answer {
  readonly verdict: 'holds' | 'fails' | 'open';
  /** For people: what was expected, what happens instead, the way of a packet that shows it. */
  readonly message: () => string;
}
