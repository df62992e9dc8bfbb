/** Which keys: bounds by name, as `level` and `lmdb` have them, turned into bounds of bytes. */

import { HarmonyError } from '../../base/errors.ts'
import type { KeyCodec } from './key-codec.ts'

/** Of several bounds on one side the tighter one counts. */
export interface KeyRange<K> {
  /** From here on, with it. */
  readonly gte?: K
  /** From here on, without it. */
  readonly gt?: K
  /** Up to here, with it. */
  readonly lte?: K
  /** Up to here, without it. */
  readonly lt?: K
  /** Keys that begin with it: strings and bytes by their bytes, `ordered` lists by their first items. */
  readonly prefix?: K
}

export interface ScanOptions<K> extends KeyRange<K> {
  /** From the last one down. */
  readonly reverse?: boolean
  readonly limit?: number
}

/** Keys of bytes from `start` on, and below `end`; null: no bound. */
export interface ByteRange {
  readonly start: Uint8Array
  readonly end: Uint8Array | null
}

export function byteRange<K>(codec: KeyCodec<K>, range: KeyRange<K>): ByteRange {
  const starts: Uint8Array[] = [new Uint8Array()]
  const ends: Uint8Array[] = []
  if (range.gte !== undefined) starts.push(codec.encode(range.gte))
  if (range.gt !== undefined) starts.push(next(codec.encode(range.gt)))
  if (range.lt !== undefined) ends.push(codec.encode(range.lt))
  if (range.lte !== undefined) ends.push(next(codec.encode(range.lte)))
  if (range.prefix !== undefined) {
    const prefix = codec.encodePrefix(range.prefix)
    starts.push(prefix)
    const end = afterPrefix(prefix)
    if (end !== null) ends.push(end)
  }
  return {
    start: starts.reduce((one, other) => (Buffer.compare(one, other) >= 0 ? one : other)),
    end:
      ends.length === 0 ? null : ends.reduce((one, other) => (Buffer.compare(one, other) <= 0 ? one : other)),
  }
}

/** Throws ARGS_INVALID. */
export function checkLimit(limit: number | undefined): number {
  if (limit === undefined) return Number.MAX_SAFE_INTEGER
  if (Number.isSafeInteger(limit) && limit >= 0) return limit
  throw new HarmonyError('ARGS_INVALID', `\`limit\` is ${limit}: it must be a whole number from 0 on.`)
}

/** The first key after `key`. */
function next(key: Uint8Array): Uint8Array {
  const after = new Uint8Array(key.length + 1)
  after.set(key)
  return after
}

/** The first key after all that begin with `prefix`; null if there can be none. */
function afterPrefix(prefix: Uint8Array): Uint8Array | null {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return null
  // A copy, which `slice` of a Buffer is not.
  const after = Uint8Array.from(prefix.subarray(0, length))
  after[length - 1] = (after[length - 1] as number) + 1
  return after
}
