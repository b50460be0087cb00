/** What `fwsim query` found out as JSON: one object, the same bytes for the same input. */

import type { QueryOptions, QueryResult, QueryRow } from '../analysis/query.ts';
import type { WalkedWitness } from '../analysis/witness-walk.ts';
import type { Ruleset } from '../model/ruleset.ts';
import type { SetDescription } from '../packetset/print.ts';
import { jsonText } from './escape-json.ts';
import { deciderJson } from './set-words.ts';
import { shellCommand } from './shell-quote.ts';

/** Raised when a field changes its meaning or goes away; new fields leave it alone. */
const schemaVersion = 1;

/**
 * A described set: `kind` (nothing, everything, these, all-but), `lines` of match options, `lineCount`, `complete`. With `all-but`
 * the packets match a line of `within` (any, where that is empty), and none of `lines`.
 */
export function setJson({ kind, within, lines, lineCount, complete }: SetDescription) {
  return { kind, within, lines, lineCount, complete };
}

/** A walked packet: `packet` (match options), `local`, `assume`, `fate`; null where there is none. */
export function witnessJson(witness: WalkedWitness | undefined) {
  if (witness === undefined) return null;
  const { packet, local, assume, trace } = witness;
  return { packet: shellCommand(packet), local, assume, fate: trace.fate.kind };
}

function rowJson(row: QueryRow, ruleset: Ruleset) {
  return {
    aspect: row.aspect,
    way: row.way,
    begins: row.road === 'arrive' ? 'arrives' : 'local',
    fate: row.fate,
    certain: row.certain,
    share: row.share,
    decidedBy: deciderJson(row.by, ruleset),
    packets: setJson(row.packets),
    witness: witnessJson(row.witness),
  };
}

/**
 * Prints an answer as one JSON object:
 *
 * - `schemaVersion`, `tool` (`name`, `version`), `files`, `packets` (as asked), `at`, `couldNotLook`
 * - `families`: each with `family`, `file`, `empty` (no packet is like that), `rowsLeftOut` and `rows`: `aspect` (`openers`,
 *   `others`, `odd`), `way` (`before`, `to`, `through`, `out`, `routing`), `begins` (`arrives`, `local`), `fate`, `certain`,
 *   `share` (of the packets of its aspect and beginning), `decidedBy` (null, or `kind`, `table`, `chain`, `line` and either
 *   `ruleNumber` and `text` or `policy`), `packets` (`kind`: `these` or `all-but` the `lines` of those `within`, or `everything`; `lineCount`,
 *   `complete`) among those asked about, `witness` (null, or `packet`, `local`, `assume`, `fate` of the walk)
 */
export function printQueryJson(
  result: QueryResult,
  question: Pick<QueryOptions, 'expression' | 'at'>,
  version: string,
): string {
  const object = {
    schemaVersion,
    tool: { name: 'fwsim', version },
    files: (result.read?.texts ?? []).map((t) => t.name),
    packets: shellCommand(question.expression),
    at: question.at ?? 'entry',
    families: result.families.map(({ ruleset, rows, rowsLeftOut, empty }) => ({
      family: ruleset.linked.ruleset.family,
      file: ruleset.source.name,
      empty,
      rows: rows.map((row) => rowJson(row, ruleset.linked.ruleset)),
      rowsLeftOut,
    })),
    couldNotLook: result.couldNotLook ?? null,
  };
  return `${jsonText(object, 2)}\n`;
}
