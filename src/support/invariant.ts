/** A broken promise of our own code, never of the input. Only the command line catches it, as exit code 70. */
class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Holds our own assumptions. Bad input is a diagnostic instead.
 * @throws InvariantError when the condition does not hold.
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/**
 * Closes an exhaustive `switch`: the compiler refuses it while a kind is left unhandled.
 * @throws InvariantError when data from outside the type system gets here.
 */
export function assertNever(value: never): never {
  throw new InvariantError(`unhandled case: ${JSON.stringify(value)}`);
}
