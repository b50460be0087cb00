/** From what a check proposes to what a finding carries: changes of text, commands, and what they touch. */

import type { Rule } from '../../model/ruleset.ts';
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
    case 'replace':
      return [`rule ${edit.rule.id}`];
    case 'delete':
      return goneRule(edit.rule);
    case 'move':
      return [...goneRule(edit.rule), `into ${table} ${chain}`];
    case 'insert':
      return [`into ${table} ${chain}`];
    case 'policy':
      return [`policy ${table} ${chain}`];
    case 'delete-chain':
      return [`chain ${table} ${chain}`, ...edit.chain.rules.flatMap(goneRule)];
  }
}

/** A rule that does not stay where it is. */
function goneRule({ id }: Rule): readonly string[] {
  return [`rule ${id}`, `gone rule ${id}`];
}

/** What a fix changes by itself, of its `touches`: what is put into a chain leaves its other rules as they are. */
export function placesOf({ touches }: FindingFix): readonly string[] {
  return touches.filter((place) => !/^\S+ (?:into|gone) /.test(place));
}

/** Of these, what is not as it was before: a rule that a safe fix spells otherwise is. */
export function placesChanged(fix: FindingFix): readonly string[] {
  if (fix.applicability !== 'safe') return placesOf(fix);
  const gone = new Set(fix.touches);
  return placesOf(fix).filter((place) => !place.includes(' rule ') || gone.has(place.replace(' ', ' gone ')));
}
