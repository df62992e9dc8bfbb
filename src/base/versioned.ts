/** Messages of a binary format with its version in the first byte: what another build, or damage, may have sent. */

import { ByteReader, DecodeError } from './bytes.ts'
import { HarmonyError } from './errors.ts'

/** `read` must take all of it. Throws DecodeError. */
export function decodeVersioned<T>(bytes: Uint8Array, version: number, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(bytes)
  const found = reader.u8()
  if (found !== version) throw new DecodeError(`version ${found} instead of ${version}`, 0)
  const value = read(reader)
  reader.expectEnd()
  return value
}

/** The same for a request by a peer, called `what` in the message of REQUEST_INVALID. */
export function decodeRequest<T>(
  what: string,
  bytes: Uint8Array,
  version: number,
  read: (reader: ByteReader) => T,
): T {
  try {
    return decodeVersioned(bytes, version, read)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new HarmonyError('REQUEST_INVALID', `${what} can't be read: ${error.message}.`)
  }
}
