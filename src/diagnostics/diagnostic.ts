/**
 * How grave a diagnostic is. `error`: the kernel or iptables would refuse this. `warning`: it loads, but not as
 * it reads. `info`: worth knowing, nothing is wrong.
 */
export type Severity = 'error' | 'warning' | 'info';

/** A code of the one code space `FW001`…`FW999`; the reader's own diagnostics are `FW9xx`. */
export type DiagnosticCode = `FW${number}`;

/** A piece of a source text: UTF-16 offsets, 0-based, `end` excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** The name of the source text; absent means the text that is being read. */
  readonly source?: string;
}

/** Another place that belongs to the story, such as the rule that was there first. */
export interface RelatedPlace {
  readonly message: string;
  readonly span: Span;
}

/** One replacement of a piece of the source. An empty span inserts, an empty text deletes. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

/**
 * Edits that belong together, and what may be claimed of them. `safe`: every packet is treated alike, which is proved
 * before it is applied. `unsafe`: behaviour changes as the title says. `suggestion`: one way of several, shown and
 * never applied.
 */
export interface Fix {
  /** What it does, as a command: `delete rule 7 of INPUT`. */
  readonly title: string;
  readonly applicability: 'safe' | 'unsafe' | 'suggestion';
  /** Ordered by place, apart from each other. None: the text is not of a kind that can be changed piece by piece. */
  readonly edits: readonly Edit[];
}

/** One thing to tell about the input, as data. Texts may quote the input raw: printers escape them. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  /** A stable name below the code, in kebab case: `unknown-option`. Tests and tools rely on it. */
  readonly id: string;
  readonly severity: Severity;
  /** One sentence without a full stop: the fact, the thing in quotes, the consequence. */
  readonly message: string;
  readonly span?: Span;
  /** What to do instead: "did you mean …", what was expected here. */
  readonly hint?: string;
  readonly related: readonly RelatedPlace[];
}

/** What {@link diagnostic} takes: `related` may be left out. */
export type DiagnosticInit = Omit<Diagnostic, 'related'> & { readonly related?: readonly RelatedPlace[] };

/** Completes a diagnostic: no related places unless some are given. */
export function diagnostic(init: DiagnosticInit): Diagnostic {
  return { ...init, related: init.related ?? [] };
}
