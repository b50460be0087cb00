import { type CommandModule, flag } from '../command.ts';
import type { ChecksCore } from '../core.ts';
import { exitCodes } from '../exit-codes.ts';
import { checksCore } from './checks-core.ts';

/** `fwsim checks`: the list of checks. */
export function checksCommand(core: ChecksCore): CommandModule['run'] {
  return async (invocation, io) => {
    io.out(flag(invocation, 'json') ? core.printChecksJson() : core.printChecks(io.outStyle));
    return exitCodes.ok;
  };
}

/** `fwsim checks` with all its parts. */
export const run = checksCommand(checksCore);
