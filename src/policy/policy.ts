/** A policy as data: what must hold of a ruleset, test by test. */

import type { Span } from '../diagnostics/diagnostic.ts';
import type { Family } from '../net/address.ts';

/** A text of a policy and where it stands; no place where a program made it. */
export interface PlacedText {
  readonly text: string;
  /** The place of a piece of the text, by offsets within it; without arguments: of all of it. */
  readonly place: (start?: number, end?: number) => Span | undefined;
}

/** Interfaces and the networks behind them. */
export interface Zone {
  /** As `-i` takes them: `eth1`, `veth+`. */
  readonly interfaces: readonly string[];
  /** As `-s` takes them. */
  readonly networks: readonly string[];
}

/** Names that stand for something else behind an `@` in the words of a policy. */
export interface PolicyNames {
  /** Addresses and networks of both families, as `-s` takes them. */
  readonly networks: ReadonlyMap<string, readonly string[]>;
  readonly zones: ReadonlyMap<string, Zone>;
  /** `tcp/443`, `udp/5060-5070`, `icmp`, each. */
  readonly services: ReadonlyMap<string, readonly string[]>;
}

/** A policy without names. */
export const noNames: PolicyNames = { networks: new Map(), zones: new Map(), services: new Map() };

/** What packets must come to. `blocked`: dropped, rejected or not routed, whichever. */
export const expectations = [
  'accept',
  'drop',
  'reject',
  'delivered',
  'forwarded',
  'sent',
  'blocked',
] as const;
/** One of them. */
export type Expectation = (typeof expectations)[number];

/** One test: packets, and what must hold of them. */
export interface PolicyTest {
  readonly name: string;
  /** Where the test begins. */
  readonly span: Span | undefined;
  /** The packets: those of any of these expressions. */
  readonly packets: readonly PlacedText[];
  /** Packets that are not meant. */
  readonly except: readonly PlacedText[];
  /** Sent by this machine itself. */
  readonly local: boolean;
  /** Of any connection; else only packets that open one, from a source that belongs behind their interface. */
  readonly anyState: boolean;
  /** One packet that satisfies everything is enough; else all must. */
  readonly some: boolean;
  /** Whatever depends on something that is not known passes. */
  readonly allowUnknown: boolean;
  /** Undefined: both, as far as the packets can be of both. */
  readonly family: Family | undefined;
  readonly expect: Expectation | undefined;
  /** Interfaces by which packets leave. */
  readonly out: readonly PlacedText[] | undefined;
  /** Destinations at the end of the way: `10.0.0.5`, `10.0.0.5:8080`, `[2001:db8::5]:443`, `@name`. */
  readonly translatedTo: readonly PlacedText[] | undefined;
  /** Sources at the end of the way: addresses, networks, `@name`. */
  readonly sourceTranslatedTo: readonly PlacedText[] | undefined;
  readonly neverLogged: boolean;
  readonly replyPasses: boolean;
  /** Sources; nothing else among the packets is let through, and the rest of the test is about packets from there. */
  readonly onlyFrom: readonly PlacedText[] | undefined;
  /** A ruleset under which no packet fares differently; a key of the other rulesets that the run is given. */
  readonly sameAs: PlacedText | undefined;
}

/** What a test that says nothing else is. */
export const plainTest: Omit<PolicyTest, 'name' | 'packets'> = {
  span: undefined,
  except: [],
  local: false,
  anyState: false,
  some: false,
  allowUnknown: false,
  family: undefined,
  expect: undefined,
  out: undefined,
  translatedTo: undefined,
  sourceTranslatedTo: undefined,
  neverLogged: false,
  replyPasses: false,
  onlyFrom: undefined,
  sameAs: undefined,
};

/** Tests with the names that they use. */
export interface Policy {
  readonly names: PolicyNames;
  readonly tests: readonly PolicyTest[];
}

/** A text that stands nowhere. */
export function unplaced(text: string): PlacedText {
  return { text, place: () => undefined };
}

/** What is wrong with a policy: one sentence without a full stop, and what would do. */
export interface PolicyProblem {
  readonly message: string;
  readonly hint?: string;
  readonly span: Span | undefined;
}
