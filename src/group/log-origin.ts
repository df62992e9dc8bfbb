/**
 * What the journal keeps with the base of a group's log, for the group: which replica the log belongs to, and who takes part at the base.
 *
 * ```
 * version u8 = 1 | generation u64 | configuration (raft/configuration-codec.ts)
 * ```
 *
 * The generation has to be here, because a replica that joined promises things in its own name before its log has an entry that
 * mentions it, and must go by the same name after a crash. Little-endian.
 */

import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { GroupLog } from '../journal/group-log.ts'
import type { SnapshotMetadata } from '../raft/entry.ts'
import { INITIAL_GENERATION } from '../raft/entry.ts'
import { decodeConfiguration, encodeConfiguration } from '../raft/configuration-codec.ts'
import type { Configuration } from '../raft/membership.ts'

const VERSION = 1
const HEADER_BYTES = 9

export interface LogOrigin {
  /** Of this member's replica. */
  readonly generation: number
  /** In force at the base. */
  readonly configuration: Configuration
}

export function encodeOrigin({ generation, configuration }: LogOrigin): Uint8Array {
  const writer = new ByteWriter()
  return writer.u8(VERSION).u64(BigInt(generation)).raw(encodeConfiguration(configuration)).toBytes()
}

/** Null for a log of which nothing was written down. Throws DATA_CORRUPT, FORMAT_TOO_NEW. */
export function decodeOrigin(bytes: Uint8Array): LogOrigin | null {
  if (bytes.length === 0) return null
  if (bytes[0] !== VERSION) {
    throw new HarmonyError(
      'FORMAT_TOO_NEW',
      `The journal has the base of a log in version ${bytes[0]}; this version of HarmonyDB reads ${VERSION}. ` +
        'Start the version that wrote it, or a later one.',
    )
  }
  const reader = new ByteReader(bytes)
  reader.u8()
  const configuration = bytes.length <= HEADER_BYTES ? null : decodeConfiguration(bytes.slice(HEADER_BYTES))
  if (configuration === null) {
    throw new HarmonyError('DATA_CORRUPT', 'The journal has a base of a log whose configuration is damaged.')
  }
  return { generation: Number(reader.u64()), configuration }
}

/**
 * Whose log it is; null if no replica of the group has begun here. `initial`: who takes part from the beginning, if this member does. Throws
 * DATA_CORRUPT, FORMAT_TOO_NEW.
 */
export function findOrigin(log: GroupLog, initial: Configuration | null, database: string): LogOrigin | null {
  const written = decodeOrigin(log.base.configuration)
  if (written !== null) return written
  if (log.isEmpty && (initial === null || log.removedGeneration >= INITIAL_GENERATION)) return null
  if (initial !== null) return { generation: INITIAL_GENERATION, configuration: initial }
  throw new HarmonyError(
    'DATA_CORRUPT',
    `The journal has a log of the database ${database}, but not who took part in it at its beginning. ` +
      'Restore the whole data folder from a backup.',
  )
}

/**
 * Writes down whose log it is, before the replica promises anything: that is written behind it, so if this can't be written, nor can that: `onRefused` must
 * end the life of the replica, because what it writes afterwards would not join the log.
 */
export function writeOrigin(
  log: GroupLog,
  origin: LogOrigin,
  onRefused: (error: HarmonyError) => void,
): void {
  if (!log.isEmpty || log.base.configuration.length > 0) return
  const { index, term } = log.base
  log
    .write({ replacedBy: { index, term, configuration: encodeOrigin(origin) } })
    .catch((error: unknown) => onRefused(toHarmonyError(error)))
}

/** Where the log begins, for the core. */
export function baseOf(log: GroupLog, origin: LogOrigin): SnapshotMetadata {
  const { index, term } = log.base
  const { configuration } = decodeOrigin(log.base.configuration) ?? origin
  return { index, term, configuration }
}
