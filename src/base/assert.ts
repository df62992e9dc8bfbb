/**
 * Assertions for bugs; errors (`errors.ts`) are for life. A failed assertion means that our own code is
 * wrong, so it is never caught to carry on, and nothing that a client, a peer or a disk sends may reach one.
 */

/** Thrown when an invariant of our own code does not hold. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws unless `condition` holds. `message` is a function where building it would cost on a hot path. */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === 'string' ? message : message())
}

/** `value`, which must not be null or undefined. */
export function must<T>(value: T | null | undefined, message = 'value is missing'): T {
  if (value === null || value === undefined) throw new AssertionError(message)
  return value
}

/** For the default branch of a switch over a union: the type checker proves that it can't be reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
