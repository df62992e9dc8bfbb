/**
 * The copy that a group receives: at most one at a time, in a file that is kept when the way is interrupted. It is durable in steps, so that a power
 * cut costs one step and never leaves bytes that look received and are not.
 *
 *   nothing ──receive──▶ receiving ◀──interrupted, the same copy again──┐
 *                            │                                          │
 *                       all bytes: synced, verified                     │
 *                            ▼                                          │
 *                         complete ──claim──▶ claimed ──install──▶ nothing
 *                            └── another copy ─────────────────────────▶┘
 *
 * A second stream takes over from the first, which may be on a connection that is dead without anyone having noticed.
 */

import { HarmonyError } from '../../base/errors.ts'
import type { Disk, DiskFile } from '../../host/disk.ts'
import { copyProblem } from '../../engine/snapshot.ts'
import type { SnapshotMetadata } from '../../raft/entry.ts'
import type { PeerStreamSink } from '../peers.ts'
import type { CopyDescription } from './copy-codec.ts'
import { isSameCopy } from './copy-codec.ts'
import { INCOMING_SUFFIX } from './file-names.ts'
import type { IncomingRecord } from './incoming-record.ts'
import { writeRecord } from './incoming-record.ts'
import { finishInstallation, forgetIncoming } from './leftovers.ts'

const MIB = 1024 * 1024
/** How much is written between two syncs: the journal's syncs wait for what the disk is busy with, so never for much. */
const SYNC_BYTES = 2 * MIB
/** How much between two records of it, which cost syncs of their own. It is what a power cut costs. */
const RECORD_BYTES = 16 * MIB

interface Receiving {
  readonly copy: CopyDescription
  writtenBytes: number
  syncedBytes: number
  /** Of which the record tells that they are synced. */
  recordedBytes: number
  isComplete: boolean
  /** The stream that may write. */
  owner: object | null
}

export interface IncomingCopyOptions {
  readonly database: string
  readonly dataFile: string
  readonly disk: Disk
}

export class IncomingCopy {
  readonly #options: IncomingCopyOptions
  #receiving: Receiving | null = null
  #isClaimed = false
  /** Changes of the files, one after another. */
  #turn: Promise<unknown> = Promise.resolve()
  receivedBytes = 0

  constructor(options: IncomingCopyOptions, record: IncomingRecord | null) {
    this.#options = options
    if (record === null || record.state !== 'receiving') return
    const { copy, syncedBytes } = record
    const [writtenBytes, recordedBytes] = [syncedBytes, syncedBytes]
    this.#receiving = { copy, writtenBytes, syncedBytes, recordedBytes, isComplete: false, owner: null }
  }

  /** `onComplete` is called with all bytes durable and verified; the sender hears that it is done when that has resolved. */
  async receive(copy: CopyDescription, onComplete: () => Promise<void>): Promise<PeerStreamSink> {
    this.#checkFree()
    const owner = {}
    if (this.#receiving !== null) this.#receiving.owner = null
    const receiving = await this.#inTurn(() => this.#begin(copy, owner))
    const file = await this.#options.disk.open(this.#path)
    if (receiving.owner !== owner) {
      await file.close()
      throw this.#overtaken()
    }
    return new Sink(receiving.writtenBytes, {
      write: (bytes) => this.#inTurn(() => this.#write(receiving, owner, file, bytes)),
      finish: () => this.#inTurn(() => this.#finish(receiving, owner, file)).then(onComplete),
      close: () => void this.#inTurn(() => file.close()).catch(() => {}),
    })
  }

  /** From now on nothing but `install` touches the copy. False if it is not here. */
  claim({ index, term }: SnapshotMetadata): boolean {
    const { metadata } = this.#receiving?.copy ?? {}
    const isHere = this.#receiving?.isComplete === true && metadata?.index === index && metadata.term === term
    if (!isHere || this.#isClaimed) return false
    this.#isClaimed = true
    return true
  }

  unclaim(): void {
    this.#isClaimed = false
  }

  /**
   * Puts the claimed copy in the place of the database's file, which nobody may have open for writing. If it rejects, and `isBegun` was called,
   * the file may be opened by nobody until another attempt succeeded.
   */
  install(onBegun: () => void): Promise<void> {
    return this.#inTurn(async () => {
      const { disk, dataFile } = this.#options
      const { copy, syncedBytes } = this.#complete()
      const record: IncomingRecord = { state: 'installing', syncedBytes, copy }
      await writeRecord(disk, dataFile, record)
      onBegun()
      await finishInstallation(disk, dataFile, record)
      this.#receiving = null
      this.#isClaimed = false
    })
  }

  /** The log begins after the copy, or goes on from it: the record has done its duty. */
  forget(): Promise<void> {
    return this.#inTurn(() => this.#forgetNow())
  }

  async settled(): Promise<void> {
    await this.#turn
  }

  get #path(): string {
    return this.#options.dataFile + INCOMING_SUFFIX
  }

  #complete(): Receiving {
    const receiving = this.#receiving
    if (receiving?.isComplete === true) return receiving
    throw new HarmonyError('INTERNAL', `There is no complete copy of the database ${this.#options.database}.`)
  }

  async #begin(copy: CopyDescription, owner: object): Promise<Receiving> {
    this.#checkFree()
    const before = this.#receiving
    if (before !== null && isSameCopy(before.copy, copy)) {
      before.owner = owner
      return before
    }
    await this.#forgetNow()
    const { disk, dataFile } = this.#options
    const file = await disk.create(this.#path)
    await file.close()
    await writeRecord(disk, dataFile, { state: 'receiving', syncedBytes: 0, copy })
    this.#receiving = { copy, writtenBytes: 0, syncedBytes: 0, recordedBytes: 0, isComplete: false, owner }
    return this.#receiving
  }

  async #write(receiving: Receiving, owner: object, file: DiskFile, bytes: Uint8Array): Promise<void> {
    this.#checkOwner(receiving, owner)
    await file.write(receiving.writtenBytes, bytes)
    receiving.writtenBytes += bytes.length
    this.receivedBytes += bytes.length
    if (receiving.writtenBytes - receiving.syncedBytes < SYNC_BYTES) return
    await file.sync()
    receiving.syncedBytes = receiving.writtenBytes
    if (receiving.syncedBytes - receiving.recordedBytes >= RECORD_BYTES) await this.#record(receiving)
  }

  async #record(receiving: Receiving): Promise<void> {
    const { disk, dataFile } = this.#options
    const { copy, syncedBytes } = receiving
    await writeRecord(disk, dataFile, { state: 'receiving', syncedBytes, copy })
    receiving.recordedBytes = syncedBytes
  }

  async #finish(receiving: Receiving, owner: object, file: DiskFile): Promise<void> {
    this.#checkOwner(receiving, owner)
    await file.sync()
    receiving.syncedBytes = receiving.writtenBytes
    await this.#record(receiving)
    await file.close()
    const { metadata, digest, sizeBytes } = receiving.copy
    const expected = { index: BigInt(metadata.index), term: BigInt(metadata.term), digest }
    const problem = copyProblem(this.#path, expected, sizeBytes)
    if (problem === null) {
      receiving.isComplete = true
      return
    }
    await this.#forgetNow()
    throw new HarmonyError(
      'DATA_CORRUPT',
      `The copy of the database ${this.#options.database} that was received can't be used: ${problem}. It was deleted; send another one.`,
    )
  }

  async #forgetNow(): Promise<void> {
    if (this.#isClaimed) return
    this.#receiving = null
    await forgetIncoming(this.#options.disk, this.#options.dataFile)
  }

  #checkFree(): void {
    if (!this.#isClaimed) return
    throw new HarmonyError(
      'OVERLOADED',
      `A copy of the database ${this.#options.database} is just being installed here. Try again later.`,
    )
  }

  #checkOwner(receiving: Receiving, owner: object): void {
    if (this.#receiving !== receiving || receiving.owner !== owner || this.#isClaimed) throw this.#overtaken()
  }

  #overtaken(): HarmonyError {
    return new HarmonyError(
      'OVERLOADED',
      `Another copy of the database ${this.#options.database} is being received here by now.`,
    )
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }
}

interface SinkCalls {
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly finish: () => Promise<void>
  readonly close: () => void
}

class Sink implements PeerStreamSink {
  readonly offset: number
  readonly #calls: SinkCalls

  constructor(offset: number, calls: SinkCalls) {
    this.offset = offset
    this.#calls = calls
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#calls.write(bytes)
  }

  finish(): Promise<void> {
    return this.#calls.finish()
  }

  interrupted(): void {
    this.#calls.close()
  }
}
