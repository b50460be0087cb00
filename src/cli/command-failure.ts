import { type ExitCode, exitCodes } from './exit-codes.ts';

/** Ends a command with a message for the user. Thrown and caught within the command line only. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;
  /** What to do instead. */
  readonly hint: string | undefined;

  constructor(message: string, options: { readonly hint?: string; readonly exitCode?: ExitCode } = {}) {
    super(message);
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? exitCodes.usage;
  }
}
