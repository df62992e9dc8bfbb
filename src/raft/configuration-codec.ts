/**
 * A configuration as the data of a membership entry.
 *
 * ```
 * version u8 = 1 | flags u8 (bit 0: autoLeave) | index u64 | generation u64 | voters | votersOutgoing | learners | learnersNext
 * list: count u16 | count × (id u64 | generation u64)
 * ```
 *
 * Numbers are little-endian. The whole of the bytes is used, or they are not a configuration.
 */

import type { ReplicaId } from './entry.ts'
import { configurationProblem } from './membership.ts'
import type { Configuration } from './membership.ts'

const VERSION = 1
const HEADER_BYTES = 18
const REPLICA_BYTES = 16
const AUTO_LEAVE = 1
const TWO_32 = 2 ** 32

export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const lists = listsOf(configuration)
  const sizeBytes = lists.reduce((sum, list) => sum + 2 + list.length * REPLICA_BYTES, HEADER_BYTES)
  const view = new DataView(new ArrayBuffer(sizeBytes))
  view.setUint8(0, VERSION)
  view.setUint8(1, configuration.autoLeave ? AUTO_LEAVE : 0)
  setPosition(view, 2, configuration.index)
  setPosition(view, 10, configuration.generation)
  let offset = HEADER_BYTES
  for (const list of lists) offset = setReplicas(view, offset, list)
  return new Uint8Array(view.buffer)
}

function listsOf(configuration: Configuration): readonly (readonly ReplicaId[])[] {
  const { voters, votersOutgoing, learners, learnersNext } = configuration
  return [voters, votersOutgoing, learners, learnersNext]
}

function setReplicas(view: DataView, start: number, replicas: readonly ReplicaId[]): number {
  let offset = start
  view.setUint16(offset, replicas.length, true)
  offset += 2
  for (const { id, generation } of replicas) {
    setPosition(view, offset, id)
    setPosition(view, offset + 8, generation)
    offset += REPLICA_BYTES
  }
  return offset
}

function setPosition(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % TWO_32, true)
  view.setUint32(offset + 4, Math.floor(value / TWO_32), true)
}

/** Null if `data` is not a well-formed, valid configuration. */
export function decodeConfiguration(data: Uint8Array): Configuration | null {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (data.byteLength < HEADER_BYTES || view.getUint8(0) !== VERSION || view.getUint8(1) > AUTO_LEAVE)
    return null
  const lists: ReplicaId[][] = []
  let offset = HEADER_BYTES
  while (lists.length < 4) {
    const list = getReplicas(view, offset)
    if (list === null) return null
    lists.push(list)
    offset += 2 + list.length * REPLICA_BYTES
  }
  if (offset !== data.byteLength) return null
  const [voters, votersOutgoing, learners, learnersNext] = lists as [
    ReplicaId[],
    ReplicaId[],
    ReplicaId[],
    ReplicaId[],
  ]
  const autoLeave = view.getUint8(1) === AUTO_LEAVE
  const [index, generation] = [getPosition(view, 2), getPosition(view, 10)]
  const configuration = { index, generation, voters, votersOutgoing, learners, learnersNext, autoLeave }
  return configurationProblem(configuration) === null ? configuration : null
}

function getReplicas(view: DataView, offset: number): ReplicaId[] | null {
  if (offset + 2 > view.byteLength) return null
  const count = view.getUint16(offset, true)
  if (offset + 2 + count * REPLICA_BYTES > view.byteLength) return null
  return Array.from({ length: count }, (_, at) => {
    const start = offset + 2 + at * REPLICA_BYTES
    return { id: getPosition(view, start), generation: getPosition(view, start + 8) }
  })
}

function getPosition(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * TWO_32
}
