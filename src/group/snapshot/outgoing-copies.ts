/**
 * Copies of a database for other members. One copy serves everyone who needs one at the time: it is made once, by the engine's process and thus beside
 * everything else, and deleted when nobody has used it for a while.
 *
 *   none ──offer, get──▶ being made ──▶ ready ──nobody for a while──▶ deleted
 *                            └──failed──▶ none, and no attempt for RETRY_MS
 *
 * As long as there is a copy, the log must keep what comes after it, or who gets it would need the next one at once (`retainedFrom`).
 */

import { HarmonyError, toHarmonyError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Disk, DiskFile } from '../../host/disk.ts'
import type { Random } from '../../host/random.ts'
import type { AppliedState, Engine } from '../../engine/engine.ts'
import type { PeerStreamSource } from '../peers.ts'
import type { SnapshotHost } from '../snapshot-mover.ts'
import type { CopyDescription } from './copy-codec.ts'
import { COPY_ID_BYTES } from './copy-codec.ts'
import { OUTGOING_SUFFIX } from './file-names.ts'
import { SteadySync } from './steady-sync.ts'

const RETRY_MS = 5_000

export interface OutgoingCopy {
  readonly path: string
  readonly description: CopyDescription
  /** Every command up to here is in it, although its own index may be lower: Raft's own entries are not in files. */
  readonly position: number
}

interface Held extends OutgoingCopy {
  users: number
  timer: Timer | null
}

export interface OutgoingCopiesOptions {
  readonly host: SnapshotHost
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  /** How long a copy that nobody uses is kept: a receiver may come back, and who has it needs what was written since. */
  readonly lingerMs: number
  /** A copy could not be made. */
  readonly onFailed: (error: HarmonyError) => void
}

export class OutgoingCopies {
  readonly #options: OutgoingCopiesOptions
  readonly #copies = new Set<Held>()
  #making: Promise<OutgoingCopy> | null = null
  #baseWhileMaking: number | null = null
  #failure: { readonly error: HarmonyError; readonly atMs: number } | null = null
  #deleting: Promise<unknown> = Promise.resolve()
  #lastNumber = 0
  #isClosed = false
  madeCount = 0

  constructor(options: OutgoingCopiesOptions) {
    this.#options = options
  }

  /** The log may be needed after this index; null if nobody needs more of it than usual. */
  get retainedFrom(): number | null {
    const indexes = [...this.#copies].map(({ description }) => description.metadata.index)
    if (this.#baseWhileMaking !== null) indexes.push(this.#baseWhileMaking)
    return indexes.length === 0 ? null : Math.min(...indexes)
  }

  /** A copy that the log goes on from; if there is none, one is going to be made. */
  offer(): OutgoingCopy | null {
    const copy = this.#newest(0)
    if (copy === null && this.#making === null) this.#make().catch(() => {})
    return copy
  }

  /** A copy that has every command up to `position`. Rejects with why none can be made. */
  async get(position: number): Promise<OutgoingCopy> {
    const found = this.#newest(position)
    if (found !== null) return found
    const made = await (this.#making ?? this.#make())
    if (made.position >= position) return made
    const newer = await this.#make()
    // Whoever got it would go back to before what its readers have seen.
    if (newer.position < position) throw this.#behind()
    return newer
  }

  /** The one that was offered with this index. */
  find(index: number): OutgoingCopy | null {
    return [...this.#copies].find(({ description }) => description.metadata.index === index) ?? null
  }

  /** Its bytes, for one receiver. The copy stays until `close`, and for a while after it. */
  async open(copy: OutgoingCopy, description: Uint8Array): Promise<OpenSource> {
    const held = [...this.#copies].find((one) => one === copy)
    if (held === undefined) throw this.#gone()
    this.#use(held)
    try {
      const file = await this.#options.disk.open(copy.path)
      return new OpenSource(file, description, copy.description.sizeBytes, () => this.#leave(held))
    } catch (error) {
      this.#leave(held)
      throw error
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#making?.catch(() => {})
    for (const held of this.#copies) await this.#delete(held)
    await this.#deleting
  }

  #newest(position: number): OutgoingCopy | null {
    const { baseIndex } = this.#options.host
    const usable = [...this.#copies].filter(
      (copy) => copy.description.metadata.index >= baseIndex && copy.position >= position,
    )
    return usable.at(-1) ?? null
  }

  #make(): Promise<OutgoingCopy> {
    const { clock } = this.#options
    if (this.#isClosed) return Promise.reject(this.#gone())
    const failure = this.#failure
    if (failure !== null && clock.nowMs() - failure.atMs < RETRY_MS) return Promise.reject(failure.error)
    this.#baseWhileMaking = this.#options.host.baseIndex
    this.#making = this.#makeNow()
      .catch((cause: unknown) => {
        const error = toHarmonyError(cause)
        this.#failure = { error, atMs: clock.nowMs() }
        if (!this.#isClosed) this.#options.onFailed(error)
        throw error
      })
      .finally(() => {
        this.#making = null
        this.#baseWhileMaking = null
      })
    return this.#making
  }

  async #makeNow(): Promise<OutgoingCopy> {
    const { host, disk, random } = this.#options
    const path = `${host.dataFile}${OUTGOING_SUFFIX}${++this.#lastNumber}`
    try {
      const { state, position } = await host.withEngine(async (engine) => ({
        position: host.position,
        state: await this.#copy(engine, path),
      }))
      const metadata = host.snapshotMetadata(Number(state.index))
      if (metadata === null || metadata.term !== Number(state.term)) throw this.#unusable()
      const sizeBytes = await disk.sizeBytesOf(path)
      const description = { id: random.bytes(COPY_ID_BYTES), metadata, digest: state.digest, sizeBytes }
      const held: Held = { path, description, position, users: 0, timer: null }
      this.#copies.add(held)
      this.madeCount++
      this.#lingers(held)
      return held
    } catch (error) {
      // The engine's process may have been killed in the middle.
      for (const suffix of ['', '-journal']) await disk.remove(path + suffix)
      throw error
    }
  }

  async #copy(engine: Engine, path: string): Promise<AppliedState> {
    const { disk, clock } = this.#options
    const sync = new SteadySync(disk, clock, path)
    try {
      return await engine.snapshot(path)
    } finally {
      await sync.stop()
    }
  }

  #use(held: Held): void {
    held.users++
    held.timer?.cancel()
    held.timer = null
  }

  #leave(held: Held): void {
    held.users--
    if (held.users === 0) this.#lingers(held)
  }

  #lingers(held: Held): void {
    const { clock, lingerMs } = this.#options
    held.timer = clock.after(lingerMs, () => void this.#delete(held).catch(() => {}))
  }

  #delete(held: Held): Promise<void> {
    held.timer?.cancel()
    this.#copies.delete(held)
    const deleted = this.#options.disk.remove(held.path)
    this.#deleting = Promise.allSettled([this.#deleting, deleted])
    return deleted
  }

  #unusable(): HarmonyError {
    return new HarmonyError(
      'NOT_LEADER',
      'The log has moved on while the database was copied. It is copied again.',
    )
  }

  #behind(): HarmonyError {
    const { database } = this.#options.host
    return new HarmonyError('NOT_LEADER', `The database ${database} has not come that far here. Ask again.`)
  }

  #gone(): HarmonyError {
    const { database } = this.#options.host
    return new HarmonyError(
      'SHUTTING_DOWN',
      `The copy of the database ${database} is gone. Ask for another one.`,
    )
  }
}

/** One stream's way to a copy. */
export class OpenSource implements PeerStreamSource {
  readonly description: Uint8Array
  readonly sizeBytes: number
  readonly #file: DiskFile
  readonly #onClosed: () => void
  #reading: Promise<unknown> = Promise.resolve()
  readCount = 0

  constructor(file: DiskFile, description: Uint8Array, sizeBytes: number, onClosed: () => void) {
    this.#file = file
    this.description = description
    this.sizeBytes = sizeBytes
    this.#onClosed = onClosed
  }

  read(offset: number, sizeBytes: number): Promise<Uint8Array> {
    this.readCount++
    const read = this.#file.read(offset, sizeBytes)
    this.#reading = read.catch(() => {})
    return read
  }

  async close(): Promise<void> {
    await this.#reading
    await this.#file.close()
    this.#onClosed()
  }
}
