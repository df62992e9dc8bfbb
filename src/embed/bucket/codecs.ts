/** How a bucket's keys and values are written, as the application names it. */

import { HarmonyError } from '../../base/errors.ts'
import type { KeyCodec, KeyKind, OrderedKey } from './key-codec.ts'
import { BYTES_KEYS, ORDERED_KEYS, STRING_KEYS } from './key-codec.ts'
import type { ValueCodec, ValueKind } from './value-codec.ts'
import { BYTES_VALUES, JSON_VALUES, STRING_VALUES } from './value-codec.ts'

export interface BucketOptions<KK extends KeyKind = KeyKind, VK extends ValueKind = ValueKind> {
  /** `string` (default): ordered by code points. `bytes`: by bytes. `ordered`: lists of values of several kinds, each in its own order. */
  readonly keys?: KK
  /** `json` (default): whatever JSON can say. `string` or `bytes`: as they are. */
  readonly values?: VK
}

export interface KeyKinds {
  readonly string: string
  readonly bytes: Uint8Array
  readonly ordered: OrderedKey
}

// With `json` the application says what it keeps: any is what JSON.parse gives.
export interface ValueKinds<J = unknown> {
  readonly json: J
  readonly string: string
  readonly bytes: Uint8Array
}

const KEYS = { string: STRING_KEYS, bytes: BYTES_KEYS, ordered: ORDERED_KEYS }
const VALUES = { json: JSON_VALUES, string: STRING_VALUES, bytes: BYTES_VALUES }

export interface Codecs<K, V> {
  readonly keys: KeyCodec<K>
  readonly values: ValueCodec<V>
}

/** Throws ARGS_INVALID. The types are those that `options` names. */
export function codecsOf<K, V>({ keys = 'string', values = 'json' }: BucketOptions): Codecs<K, V> {
  if (!Object.hasOwn(KEYS, keys)) throw unknownKind('keys', keys, Object.keys(KEYS))
  if (!Object.hasOwn(VALUES, values)) throw unknownKind('values', values, Object.keys(VALUES))
  return {
    keys: KEYS[keys] as unknown as KeyCodec<K>,
    values: VALUES[values] as unknown as ValueCodec<V>,
  }
}

export function checkName(name: unknown): string {
  if (typeof name === 'string' && name !== '' && name.isWellFormed()) return name
  throw new HarmonyError(
    'ARGS_INVALID',
    `A bucket's name must be a string with a character or more: ${String(name)}`,
  )
}

function unknownKind(what: string, kind: string, known: readonly string[]): HarmonyError {
  return new HarmonyError('ARGS_INVALID', `\`${what}: '${kind}'\` is not known: one of ${known.join(', ')}.`)
}
