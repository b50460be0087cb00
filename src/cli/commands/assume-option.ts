import { type Assumption, contradiction, isAssumptionError, parseAssumption } from '../../assuming.ts';
import { type Invocation, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';

/**
 * Reads `--assume`.
 *
 * @throws CommandFailure for what is no assumption about a machine, and for two that contradict each other
 */
export function assumeOption(invocation: Invocation): { readonly assume?: readonly Assumption[] } {
  const assume: Assumption[] = [];
  for (const text of values(invocation, 'assume')) {
    const read = parseAssumption(text);
    const problem = isAssumptionError(read) ? read : contradiction([...assume, read]);
    if (problem !== undefined)
      throw new CommandFailure(`--assume "${text}": ${problem.message}`, { hint: problem.hint });
    if (isAssumptionError(read)) continue;
    if (read.kind === 'limit' || read.kind === 'random' || read.kind === 'rule')
      throw new CommandFailure(`--assume "${text}" is about one packet, and this is asked of all`, {
        hint: 'what a packet does not decide stays open here; fwsim trace takes it',
      });
    assume.push(read);
  }
  return assume.length === 0 ? {} : { assume };
}
