/**
 * Where in a message a decoder found something wrong. Decoders throw it with what they know, and each level that the
 * error passes on its way up puts its own name in front, so that a good message costs nothing to watch over.
 */

import { HarmonyError } from '../../base/errors.ts'

export class FieldError extends Error {
  override readonly name = 'FieldError'
  /** As in `requests[0].stmt.sql`; empty for the message itself. */
  readonly path: string

  constructor(problem: string, path = '') {
    super(problem)
    this.path = path
  }
}

/** `thrown` with `step` (a field's name, or `[index]`) put in front of its path. */
export function within(thrown: unknown, step: string): unknown {
  if (!(thrown instanceof FieldError)) return thrown
  const { path } = thrown
  const glue = path === '' || path.startsWith('[') ? '' : '.'
  return new FieldError(thrown.message, step + glue + path)
}

/** A FieldError as REQUEST_INVALID that names the field; anything else as it is. */
export function toRequestInvalid(thrown: unknown): unknown {
  if (!(thrown instanceof FieldError)) return thrown
  const where = thrown.path === '' ? 'the message' : thrown.path
  return new HarmonyError('REQUEST_INVALID', `The Hrana request is not valid: ${where} ${thrown.message}.`)
}
