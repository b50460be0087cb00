/** The list of keys: from the table that handles them, so that it cannot say anything else. */

import { commandUsages } from '../state/command-line.ts';
import { type CommandGroup, commands } from '../state/commands.ts';
import { marks } from './road.ts';
import { rowSigns } from './rows.ts';

/** A row; without keys it is a title. */
export interface HelpRow {
  readonly keys: string | undefined;
  readonly text: string;
}

const groupTitles: Readonly<Record<CommandGroup, string>> = {
  walk: 'along the road',
  rules: 'through the rules',
  'what if': 'what if',
  packet: 'the packet',
  screens: 'screens',
};

/** All keys by group, the marks of the diagram and of the rules, and the commands that take words. */
export function helpRows(): readonly HelpRow[] {
  const rows: HelpRow[] = [];
  for (const group of Object.keys(groupTitles) as CommandGroup[]) {
    rows.push({ keys: undefined, text: groupTitles[group] });
    for (const c of commands)
      if (c.group === group) rows.push({ keys: c.keys.join(' '), text: `${c.title}  (:${c.name})` });
  }
  rows.push({ keys: undefined, text: 'marks of the tables' });
  for (const { sign, means } of Object.values(marks))
    if (sign !== ' ') rows.push({ keys: sign, text: means });
  rows.push({ keys: undefined, text: 'signs of the rules' });
  for (const [sign, means] of rowSigns) rows.push({ keys: sign === ' ' ? 'none' : sign, text: means });
  rows.push({ keys: undefined, text: 'command line' });
  for (const usage of commandUsages) rows.push({ keys: usage, text: '' });
  rows.push({ keys: ':NAME', text: 'any command by its name; tab completes' });
  return rows;
}
