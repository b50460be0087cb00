import { boxesLimit } from '../../graphing.ts';
import { type Invocation, value } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';

/** How many boxes a picture may have. @throws CommandFailure for what is no number, or too many to lay out */
export function boxesOption(invocation: Invocation): number {
  const given = value(invocation, 'boxes') ?? '';
  const boxes = Number(given);
  if (!/^\d+$/.test(given) || boxes < 2 || boxes > boxesLimit)
    throw new CommandFailure(`--boxes "${given}" is not a number from 2 to ${boxesLimit}`);
  return boxes;
}
