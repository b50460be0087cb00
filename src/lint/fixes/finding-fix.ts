/** From what a check proposes to what a finding carries: changes of text, commands, and what they touch. */

import type { FindingFix } from '../finding.ts';
import { commandsOf } from './fix-commands.ts';
import type { FixDraft, RuleEdit } from './fix-draft.ts';
import { lineEditsOf } from './line-edits.ts';

/** Makes a finding's fix; undefined for what a program writes: it would write it again. */
export function findingFix(draft: FixDraft): FindingFix | undefined {
  const { view, edits, title, applicability } = draft;
  const written = edits.some((edit) =>
    'rule' in edit ? view.writer(edit.rule) : view.owner(...chainOf(edit)),
  );
  if (edits.length === 0 || written) return undefined;
  return {
    title,
    applicability,
    edits: lineEditsOf(draft) ?? [],
    commands: commandsOf(draft),
    touches: edits.flatMap(touchedBy).map((key) => `${view.family} ${key}`),
  };
}

function chainOf(edit: RuleEdit): readonly [table: string, chain: string] {
  return 'rule' in edit ? [edit.rule.table, edit.rule.chain] : [edit.chain.table, edit.chain.name];
}

/** Fixes that touch the same are not applied together. Of rules that are put in, one to a chain: they may be about one cause. */
function touchedBy(edit: RuleEdit): readonly string[] {
  const [table, chain] = chainOf(edit);
  switch (edit.kind) {
    case 'delete':
    case 'replace':
      return [`rule ${edit.rule.id}`];
    case 'move':
      return [`rule ${edit.rule.id}`, `into ${table} ${chain}`];
    case 'insert':
      return [`into ${table} ${chain}`];
    case 'policy':
      return [`policy ${table} ${chain}`];
    case 'delete-chain':
      return [`chain ${table} ${chain}`, ...edit.chain.rules.map((rule) => `rule ${rule.id}`)];
  }
}
