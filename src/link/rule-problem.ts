/** What binding has to say about one rule line, before places in the source are known. */

/** A complaint about a word of the line: index into the rule's words, and which part of that word. */
export interface RuleProblem {
  readonly id: string;
  readonly message: string;
  readonly severity: 'error' | 'warning' | 'info';
  /** Index of the word; -1: the whole line. */
  readonly word: number;
  /** The part of the word that is meant; undefined: all of it. */
  readonly part?: string;
  readonly hint?: string;
}

/** A problem whose severity may be left out: `error`, iptables would not load the line. */
export type RuleProblemInit = Omit<RuleProblem, 'severity'> & {
  readonly severity?: RuleProblem['severity'];
};
