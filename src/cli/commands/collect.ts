import { collectedNames, collectScript } from '../collect-script.ts';
import { type CommandModule, flag, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { exitCodes } from '../exit-codes.ts';

/** `fwsim collect`: prints the rules of this machine and what surrounds them, or the script that does. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const without = new Set(values(invocation, 'without', 'by-comma'));
  const unknown = [...without].find((name) => !collectedNames.includes(name));
  if (unknown !== undefined)
    throw new CommandFailure(`--without "${unknown}" is no part of what is collected`, {
      hint: `the parts are ${collectedNames.join(', ')}`,
    });
  const script = collectScript(without);
  if (flag(invocation, 'script')) {
    io.out(script);
    return exitCodes.ok;
  }
  if (io.runScript === undefined) throw new CommandFailure('no shell can be run here');
  return (await io.runScript(script)) === 0 ? exitCodes.ok : exitCodes.couldNotLook;
};
