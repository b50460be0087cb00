import { extensions } from '../../src/extensions/index.ts';
import { createRegistry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/grammar/parse.ts';
import { type LinkOptions, link } from '../../src/link/link.ts';
import { printRuleset } from '../../src/link/rule-text.ts';

/** All extensions, as `src/index.ts` has them. */
export const registry = createRegistry(extensions);

/** A text read, with everything that tests ask of it. */
export function read(text: string, options: Omit<LinkOptions, 'registry'> = {}) {
  const parsed = parse(text);
  const linked = link(parsed, { registry, ...options });
  const diagnostics = [...parsed.diagnostics, ...linked.diagnostics];
  return {
    rulesets: linked.rulesets,
    diagnostics,
    /** All rulesets as iptables-save prints them. */
    printed: linked.rulesets.map((r) => printRuleset(r.ruleset)).join(''),
    /** The rules alone. */
    rules: linked.rulesets.flatMap((r) =>
      printRuleset(r.ruleset)
        .split('\n')
        .filter((l) => l.startsWith('-A ')),
    ),
    ids: diagnostics.map((d) => d.id),
    /** Diagnostics as `severity id|the words they point at|hint`. */
    said: diagnostics.map(
      (d) =>
        `${d.severity} ${d.id}|${d.span ? text.slice(d.span.start, d.span.end) : ''}${d.hint === undefined ? '' : `|${d.hint}`}`,
    ),
  };
}

/** One rule line in a table, behind declarations. */
export function readRule(
  rule: string,
  options: Parameters<typeof read>[1] & { readonly table?: string } = {},
) {
  const { table = 'filter', ...rest } = options;
  const text = `*${table}\n:chain - [0:0]\n${rule}\nCOMMIT\n`;
  return read(text, { family: 'ipv4', ...rest });
}
