/** Who may open a connection to whom, as JSON and as a graph of Graphviz. */

import type { FamilyMatrix, MatrixOptions, MatrixResult } from '../analysis/matrix.ts';
import { protocolName } from '../net/protocols.ts';
import { jsonText } from './escape-json.ts';
import { questionText } from './matrix.ts';
import { addressText } from './service-words.ts';
import { visible } from './visible.ts';

/** Raised when a field changes its meaning or goes away; new fields leave it alone. */
const schemaVersion = 1;

/**
 * Prints a matrix as one JSON object:
 *
 * - `schemaVersion`, `tool` (`name`, `version`), `files`, `protocol`, `port` (null: any), `couldNotLook`
 * - `families`: each with `family`, `file`, `classes` (`negated`, `texts`, `size` as a decimal text: it may not fit into a
 *   number), `through` (a row for each class as source, a column for each as destination), `to` (from each class to this
 *   machine), `from` (from this machine to each class). Cells are `open`, `some` or `closed`
 */
export function printMatrixJson(
  result: MatrixResult,
  question: Pick<MatrixOptions, 'protocol' | 'port'>,
  version: string,
): string {
  const object = {
    schemaVersion,
    tool: { name: 'fwsim', version },
    files: (result.read?.texts ?? []).map((t) => t.name),
    protocol: protocolName(question.protocol),
    port: question.port ?? null,
    families: result.families.map(({ ruleset, classes, through, to, from }) => ({
      family: ruleset.linked.ruleset.family,
      file: ruleset.source.name,
      classes: classes.map(({ negated, texts, size }) => ({ negated, texts, size: String(size) })),
      through,
      to,
      from,
    })),
    couldNotLook: result.couldNotLook ?? null,
  };
  return `${jsonText(object, 2)}\n`;
}

/** A text between the quotes of Graphviz. */
const quoted = (text: string): string => `"${visible(text).replace(/["\\]/g, '\\$&')}"`;

/** The matrix as a directed graph of Graphviz; what is open for some only is dashed. */
export function printMatrixDot(
  result: MatrixResult,
  question: Pick<MatrixOptions, 'protocol' | 'port'>,
): string {
  const lines = ['digraph matrix {', '  rankdir=LR;', `  label=${quoted(questionText(question))};`];
  for (const family of result.families) lines.push(...graphLines(family));
  return `${[...lines, '}'].join('\n')}\n`;
}

function graphLines({ ruleset, classes, through, to, from }: FamilyMatrix): readonly string[] {
  const prefix = ruleset.linked.ruleset.family === 'ipv4' ? 'v4_' : 'v6_';
  const style = { open: '', some: ' [style=dashed]' } as const;
  const lines = [`  ${prefix}machine [shape=box, label="this machine"];`];
  classes.forEach((c, i) => {
    lines.push(`  ${prefix}${i + 1} [label=${quoted(addressText(c) ?? 'all addresses')}];`);
  });
  classes.forEach((_, i) => {
    classes.forEach((__, j) => {
      const openness = through[i]?.[j] ?? 'closed';
      if (openness !== 'closed') lines.push(`  ${prefix}${i + 1} -> ${prefix}${j + 1}${style[openness]};`);
    });
    const inbound = to[i] ?? 'closed';
    if (inbound !== 'closed') lines.push(`  ${prefix}${i + 1} -> ${prefix}machine${style[inbound]};`);
    const outbound = from[i] ?? 'closed';
    if (outbound !== 'closed') lines.push(`  ${prefix}machine -> ${prefix}${i + 1}${style[outbound]};`);
  });
  return lines;
}
