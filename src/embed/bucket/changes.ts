/**
 * Watching a bucket: its recorded changes (`kv_changes`), read behind a cursor whenever the database has moved on. The cursor is a number in the
 * replicated table, so it means the same on every member and after every restart: it is the token with which watching goes on elsewhere.
 *
 * Rejected: telling watchers of what this process writes (misses other members, and what was never committed would be told); the engine's changesets (they
 * are not kept, so nobody could go on where he was).
 */

import { HarmonyError } from '../../base/errors.ts'
import type { Codecs } from './codecs.ts'
import type { ByteRange, KeyRange } from './key-range.ts'
import { byteRange } from './key-range.ts'
import * as statements from './statements.ts'
import type { Path } from './statements.ts'
import type { BucketStore } from './store.ts'
import type { Stored } from './value-codec.ts'
import type { BucketWriter } from './writer.ts'

const PAGE_ROWS = 500

export interface ChangeOptions<K> extends KeyRange<K> {
  /** This key alone. */
  readonly key?: K
  /** Go on after the change that had this token. Default: with the next change. */
  readonly after?: number
  readonly signal?: AbortSignal
}

export type BucketChange<K, V> = {
  readonly key: K
  /** Where this change is: `after` of a later `watch`, on any member. */
  readonly token: number
  /** Of the log's entry, in ms since 1970. */
  readonly timeMs: number
} & (
  | { readonly kind: 'put'; readonly value: V }
  | { readonly kind: 'delete' | 'expire'; readonly value: undefined }
)

interface ChangeRow {
  readonly sequence: number
  readonly key: Uint8Array
  readonly kind: 'put' | 'delete' | 'expire'
  readonly value: Stored | null
  readonly timeMs: number
}

/** What one look at the database gave. */
interface Step {
  readonly rows: readonly ChangeRow[]
  /** Up to here everything was looked at. */
  readonly cursor: number
  /** There is more at once. */
  readonly isFull: boolean
  readonly isOver: boolean
}

/** Resolves when watching has begun: whatever is committed from here on is told. */
export async function watchChanges<K, V>(
  store: BucketStore,
  path: Path,
  codecs: Codecs<K, V>,
  writer: BucketWriter<K, V>,
  options: ChangeOptions<K>,
): Promise<AsyncGenerator<BucketChange<K, V>, void, void>> {
  const { key, after, signal } = options
  const range = byteRange(codecs.keys, key === undefined ? options : { gte: key, lte: key })
  const { id, cursor } = await begin(store, path, writer, after)
  return follow(store, codecs, { id, range, signal }, cursor)
}

interface Watched {
  readonly id: number
  readonly range: ByteRange
  readonly signal: AbortSignal | undefined
}

async function* follow<K, V>(
  store: BucketStore,
  codecs: Codecs<K, V>,
  { id, range, signal }: Watched,
  first: number,
): AsyncGenerator<BucketChange<K, V>, void, void> {
  let cursor = first
  for await (const _ of store.movement.watch(signal)) {
    let step: Step
    do {
      if (store.reader.isClosed) return
      step = look(store, id, range, cursor)
      for (const row of step.rows) {
        yield toChange(row, codecs)
        if (signal?.aborted === true) return
      }
      cursor = step.cursor
    } while (step.isFull)
    if (step.isOver) return
  }
}

async function begin<K, V>(
  store: BucketStore,
  path: Path,
  writer: BucketWriter<K, V>,
  after: number | undefined,
): Promise<{ id: number; cursor: number }> {
  if (recordedFrom(store, path) === null) await writer.startRecording()
  return store.reader.hold(() => {
    const from = recordedFrom(store, path)
    if (from === null)
      throw new HarmonyError('CHANGES_LOST', `The bucket ${path.join('/')} was deleted meanwhile.`)
    const cursor = after ?? lastChange(store).last
    if (cursor < from.sequence) throw lost(cursor, 'this bucket has been watched for a shorter time')
    return { id: from.id, cursor }
  })
}

function recordedFrom(store: BucketStore, path: Path): { id: number; sequence: number } | null {
  const id = store.reader.id(path)
  const sequence = id === null ? null : recordedSince(store, id)
  return id === null || sequence === null ? null : { id, sequence }
}

function recordedSince({ reader }: BucketStore, id: number): number | null {
  const read = (): number | null =>
    reader.get<{ recordedFrom: number | null }>(statements.RECORDED_FROM, [id])?.recordedFrom ?? null
  return reader.once(`recorded ${id}`, read)
}

function lastChange({ reader }: BucketStore): { first: number; last: number } {
  return reader.once(
    'last change',
    () => reader.get(statements.LAST_CHANGE) as { first: number; last: number },
  )
}

/** Where nothing has changed that is recorded, this costs no query of the watcher's own: there may be thousands of them. */
function look(store: BucketStore, id: number, range: ByteRange, cursor: number): Step {
  const { reader } = store
  return reader.hold(() => {
    const { first, last } = lastChange(store)
    if (cursor < first - 1) throw lost(cursor, 'more changes than are kept came after it')
    const isOver = recordedSince(store, id) === null
    if (cursor === last) return { rows: [], cursor, isFull: false, isOver }
    const bounds = statements.keyCondition(range).parameters
    const rows = reader.all<ChangeRow>(statements.changesOf(range), [cursor, last, id, ...bounds, PAGE_ROWS])
    const isFull = rows.length === PAGE_ROWS
    return { rows, cursor: isFull ? (rows.at(-1) as ChangeRow).sequence : last, isFull, isOver }
  })
}

function lost(cursor: number, why: string): HarmonyError {
  return new HarmonyError(
    'CHANGES_LOST',
    `Changes after ${cursor} are not kept any more: ${why}. Read the bucket, and watch from now on.`,
  )
}

function toChange<K, V>(
  { sequence, key, kind, value, timeMs }: ChangeRow,
  codecs: Codecs<K, V>,
): BucketChange<K, V> {
  const base = { key: codecs.keys.decode(key), token: sequence, timeMs }
  if (kind === 'put') return { ...base, kind, value: codecs.values.decode(value as Stored) }
  return { ...base, kind, value: undefined }
}
