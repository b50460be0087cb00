/** The way in for those who only print rulesets. */

import { type Diagnostic, diagnostic } from './diagnostics/diagnostic.ts';
import type { SourceText } from './diagnostics/sources.ts';
import { type FormatOptions, formatLinked } from './link/format.ts';
import { readMachine } from './link/read-machine.ts';
import { whyNothingToLookAt } from './link/recognise.ts';
import type { Backend } from './model/netfilter.ts';
import type { Family } from './net/address.ts';
import { defaultRegistry } from './registry.ts';

/** What {@link formatText} is told. */
export interface FormatTextOptions extends FormatOptions {
  readonly family?: Family;
  readonly backend?: Backend;
}

/** One text in the spelling of iptables-save, with what there was to say about it. */
export interface FormattedText {
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Set if no table could be read: one sentence that says why and what to run instead. */
  readonly couldNotLook?: string;
}

/**
 * Prints the ruleset of a text as iptables-save would print it after iptables-restore had loaded it. Spans of the
 * diagnostics are offsets into the text, with the source's name.
 */
export function formatText(source: SourceText, options: FormatTextOptions = {}): FormattedText {
  const { family, backend, ...print } = options;
  const read = readMachine([source], { registry: defaultRegistry(), family, backend });
  const linked = { rulesets: read.rulesets.map((r) => r.linked) };
  const couldNotLook = whyNothingToLookAt(read);
  // Line by line it would be said again that the text is no ruleset.
  if (couldNotLook !== undefined) return { text: '', diagnostics: [], couldNotLook };
  const diagnostics = [...read.diagnostics];
  const comments = linked.rulesets.reduce((n, r) => n + [...r.comments.values()].flat().length, 0);
  if (!options.keepComments && comments > 0) {
    diagnostics.push(
      diagnostic({
        code: 'FW909',
        id: 'comments-dropped',
        severity: 'warning',
        message: `${comments} comment ${comments === 1 ? 'line is' : 'lines are'} left out, as iptables-save has none`,
        hint: '--keep-comments keeps them',
      }),
    );
  }
  return { text: formatLinked(linked, print), diagnostics };
}
