/** A rule as somebody types it, read by the same reader as a dump. */

import type { Registry } from '../../extensions/registry.ts';
import { parse } from '../../grammar/parse.ts';
import { splitWords } from '../../grammar/words.ts';
import { link } from '../../link/link.ts';
import type { Rule } from '../../model/ruleset.ts';
import { findChain, findTable } from '../../model/ruleset.ts';
import type { ChainName } from './draft.ts';
import type { ShownRuleset } from './shown-rules.ts';

/** What is wrong with a typed text, and where in it. */
export interface TextProblem {
  readonly message: string;
  readonly hint: string | undefined;
  readonly start: number;
  readonly end: number;
}

/** The rules that a line means (several for `-s A,B`), or what is wrong with it. */
export type RuleLine =
  | { readonly ok: true; readonly rules: readonly Rule[] }
  | { readonly ok: false; readonly problem: TextProblem };

/** Where a line is read. */
export interface RuleLinePlace {
  readonly registry: Registry;
  readonly ruleset: ShownRuleset;
  readonly place: ChainName;
  /** Names of the machine's ipsets, if they are known. */
  readonly setNames: ReadonlySet<string> | undefined;
}

/** With more chains than this, only those that the line names are declared: mistyped ones get no suggestion then. */
const chainsDeclaredMax = 500;

/** Reads the options of one rule, `-s 10.0.0.0/8 -j DROP`; a leading `-A CHAIN` of the same chain may stand in front. */
export function readRuleLine(text: string, { registry, ruleset, place, setNames }: RuleLinePlace): RuleLine {
  const problem = (message: string, hint?: string, start = 0, end = text.length): RuleLine => ({
    ok: false,
    problem: { message, hint, start, end },
  });
  if (/[\n\r]/.test(text)) return problem('A rule is one line');
  const words = splitWords(text);
  const lead = /^\s*(?:(?:sudo\s+)?ip6?tables\s+)?(?:-A|--append)\s+(\S+)/.exec(text);
  if (lead && lead[1] !== place.chain)
    return problem(
      `The rule goes into ${place.chain}, not into ${lead[1]}`,
      'leave -A out',
      lead[0].length - (lead[1]?.length ?? 0),
      lead[0].length,
    );
  const command = words.find((w) => !w.quoted && /^-[IDRNXPFZE]$/.test(w.text));
  if (command)
    return problem(
      `A rule is written without ${command.text}`,
      'only its options: -p tcp --dport 22 -j ACCEPT',
      command.start,
      command.end,
    );
  const bodyStart = lead ? lead[0].length : 0;
  const table = ruleset.tables.find((t) => t.name === place.table);
  const chains = table?.chains ?? [];
  const named = new Set(words.map((w) => w.text));
  const declared = chains.filter(
    (c) => c.name === place.chain || chains.length <= chainsDeclaredMax || named.has(c.name),
  );
  const head = [
    `*${place.table}\n`,
    ...declared.map((c) => `:${c.name} ${c.hook === undefined ? '-' : (c.policy ?? 'ACCEPT')} [0:0]\n`),
    `-A ${place.chain} `,
  ].join('');
  const source = `${head}${text.slice(bodyStart)}\nCOMMIT\n`;
  const { tree, diagnostics: parsed } = parse(source);
  const { family, backend, version } = ruleset;
  const linked = link({ tree }, { registry, family, backend, version, setNames });
  const wrong = [...parsed, ...linked.diagnostics].find(
    (d) => d.severity === 'error' && (d.span === undefined || d.span.end > head.length - 2),
  );
  if (wrong) {
    const shift = bodyStart - head.length;
    const at = (offset: number | undefined, otherwise: number): number =>
      offset === undefined ? otherwise : Math.min(Math.max(offset + shift, 0), text.length);
    return problem(wrong.message, wrong.hint, at(wrong.span?.start, 0), at(wrong.span?.end, text.length));
  }
  const made = linked.rulesets[0] && findTable(linked.rulesets[0].ruleset, place.table);
  const rules = (made && findChain(made, place.chain)?.rules) ?? [];
  if (rules.length === 0) return problem('This is no rule', 'for example: -p tcp --dport 22 -j ACCEPT');
  return { ok: true, rules: rules.map((rule) => ({ ...rule, offset: -1, line: 0 })) };
}
