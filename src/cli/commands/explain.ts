import { didYouMean } from '../../diagnostics/did-you-mean.ts';
import type { CommandModule } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ChecksCore } from '../core.ts';
import { exitCodes } from '../exit-codes.ts';
import { checksCore } from './checks-core.ts';

/** `fwsim explain`: the page of one check. */
export function explainCommand(core: ChecksCore): CommandModule['run'] {
  return async (invocation, io) => {
    const [name = ''] = invocation.operands;
    const page = core.explain(name, io.outStyle);
    if (page === undefined) {
      const meant = didYouMean(name, core.names());
      throw new CommandFailure(`there is no check "${name}"`, {
        hint: `${meant === undefined ? '' : `did you mean "${meant}"? `}fwsim checks lists them`,
      });
    }
    io.out(page);
    return exitCodes.ok;
  };
}

/** `fwsim explain` with all its parts. */
export const run = explainCommand(checksCore);
