/** The command that shows in plain text what the screen shows. */

import { shellCommand } from '../../report/shell-quote.ts';
import { readPacketLine } from './packet-line.ts';
import type { State } from './state.ts';
import type { World } from './world.ts';

/**
 * `fwsim trace gw.rules -- -i eth0 …`. A changed ruleset that was written is named by its file; one that was not has
 * none, and the command asks the rules as they were read.
 */
export function traceCommand(world: World, state: State): string {
  const [own, ...others] = world.opened.texts;
  const { written } = state;
  const changed = written?.draft === state.draft ? written.path : undefined;
  const piped = changed === undefined && (own === undefined || own.name.startsWith('<'));
  const name = changed ?? own?.name ?? '';
  const { expression, local, assume } = readPacketLine(state.packet);
  const words = ['fwsim', 'trace', ...(piped ? [] : [name])];
  for (const other of others) words.push('--with', other.name);
  if (local) words.push('--local');
  for (const assumption of assume) words.push('--assume', assumption);
  words.push('--', ...expression.map((w) => w.text));
  return `${piped ? 'sudo iptables-save | ' : ''}${shellCommand(words)}`;
}
