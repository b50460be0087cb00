/**
 * The iptables commands that carry out a change on the machine that the rules were saved on.
 *
 * What is new is put in before anything is taken away, so that no packet meets a chain that lacks both. Rule numbers
 * are those at the time of each command.
 */

import { splitWords } from '../../grammar/words.ts';
import { ruleBody } from '../../link/rule-text.ts';
import type { Chain, Rule } from '../../model/ruleset.ts';
import type { FixDraft, RuleEdit } from './fix-draft.ts';

/** What stands in a chain while the commands are carried out: rules of the ruleset, and new ones. */
type Entry = Rule | { readonly body: string };

/** Commands, word by word, without quotes. */
export function commandsOf({ view, edits, setup = [] }: FixDraft): readonly (readonly string[])[] {
  const program = view.family === 'ipv4' ? 'iptables' : 'ip6tables';
  const commands: (readonly string[])[] = [...setup];
  const say = (table: string, ...words: readonly string[]): void => {
    commands.push([program, ...(table === 'filter' ? [] : ['-t', table]), ...words]);
  };
  const working = new Map<Chain, Entry[]>();
  const entriesOf = (table: string, name: string): Entry[] => {
    const chain = view.chain(table, name);
    if (chain === undefined) return [];
    const entries = working.get(chain) ?? [...chain.rules];
    working.set(chain, entries);
    return entries;
  };
  const put = (table: string, chain: string, before: Rule | undefined, body: string): void => {
    const entries = entriesOf(table, chain);
    const at = before === undefined ? entries.length : entries.indexOf(before);
    const words = splitWords(body).map((word) => word.text);
    if (at >= entries.length) say(table, '-A', chain, ...words);
    else say(table, '-I', chain, String(at + 1), ...words);
    entries.splice(at, 0, { body });
  };
  const take = (rule: Rule): void => {
    const entries = entriesOf(rule.table, rule.chain);
    const at = entries.indexOf(rule);
    say(rule.table, '-D', rule.chain, String(at + 1));
    entries.splice(at, 1);
  };
  const policies = (wanted: 'ACCEPT' | 'DROP'): void => {
    for (const edit of edits)
      if (edit.kind === 'policy' && edit.policy === wanted)
        say(edit.chain.table, '-P', edit.chain.name, wanted);
  };

  policies('ACCEPT');
  for (const edit of edits) {
    if (edit.kind === 'insert') put(edit.chain.table, edit.chain.name, edit.before, edit.body);
    if (edit.kind === 'move') put(edit.rule.table, edit.rule.chain, edit.before, ruleBody(edit.rule));
    // A spelling that iptables does not keep is no matter of the machine.
    if (edit.kind === 'replace' && edit.body !== ruleBody(edit.rule)) {
      const { table, chain } = edit.rule;
      const entries = entriesOf(table, chain);
      const at = entries.indexOf(edit.rule);
      say(table, '-R', chain, String(at + 1), ...splitWords(edit.body).map((word) => word.text));
    }
  }
  for (const rule of goingRules(edits)) take(rule);
  for (const edit of edits)
    if (edit.kind === 'delete-chain' && edit.chain.rules.length > 0)
      say(edit.chain.table, '-F', edit.chain.name);
  for (const edit of edits) if (edit.kind === 'delete-chain') say(edit.chain.table, '-X', edit.chain.name);
  policies('DROP');
  return commands;
}

/** Rules that are taken from where they stand, the last first, so that numbers above stay. */
function goingRules(edits: readonly RuleEdit[]): readonly Rule[] {
  return edits
    .flatMap((edit) => (edit.kind === 'delete' || edit.kind === 'move' ? [edit.rule] : []))
    .sort((a, b) => b.index - a.index);
}
