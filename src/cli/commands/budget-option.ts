import { type Invocation, type OptionSpec, value } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';

/** How much sets of packets may take. */
export const nodesOptionSpec: OptionSpec = {
  flags: '--nodes <count>',
  description: 'give up when sets need more nodes than this; a million take about 32 MB',
};

/** `--nodes`: how many nodes sets may need. @throws CommandFailure for what is no such number. */
export function nodesOption(invocation: Invocation): { readonly nodesMax?: number } {
  const given = value(invocation, 'nodes');
  if (given === undefined) return {};
  const count = Number(given);
  if (!/^\d+$/.test(given) || count < 1000 || count > 2 ** 25)
    throw new CommandFailure(`--nodes "${given}" is not a number from 1000 to ${2 ** 25}`);
  return { nodesMax: count };
}
