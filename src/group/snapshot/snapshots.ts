/**
 * Snapshots of one group: copies to others, copies from others, and the healing of this member's own file. DESIGN.md tells the whole way.
 */

import { HarmonyError, toHarmonyError } from '../../base/errors.ts'
import type { Clock } from '../../host/clock.ts'
import { sleep } from '../../host/clock.ts'
import type { Disk } from '../../host/disk.ts'
import type { Random } from '../../host/random.ts'
import type { SnapshotMetadata } from '../../raft/entry.ts'
import type { SnapshotRequest } from '../../raft/message.ts'
import type { GroupEventLog } from '../events.ts'
import type { GroupPeers, IncomingPeerStream, PeerStreamOutcome, PeerStreamSink } from '../peers.ts'
import type { SnapshotHost, SnapshotMover, SnapshotStats } from '../snapshot-mover.ts'
import type { CopyDescription, Pull, Transfer } from './copy-codec.ts'
import { encodePullAnswer, encodeTransfer } from './copy-codec.ts'
import { Healing } from './healing.ts'
import { IncomingCopy } from './incoming-copy.ts'
import type { IncomingRecord } from './incoming-record.ts'
import type { OpenSource, OutgoingCopy } from './outgoing-copies.ts'
import { OutgoingCopies } from './outgoing-copies.ts'

export interface SnapshotsOptions {
  readonly host: SnapshotHost
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly peers: GroupPeers
  /** How long a copy that nobody uses is kept. */
  readonly lingerMs: number
  readonly log: GroupEventLog
  /** What the last life of the member left. */
  readonly record: IncomingRecord | null
}

/** A receiver that takes nothing for so long is given up. */
const STALL_TIMEOUT_MS = 60_000
const INSTALL_RETRY_MS = 1_000
const COMMIT_POLL_MS = 50
const COMMIT_TIMEOUT_MS = 60_000

export class Snapshots implements SnapshotMover {
  readonly #options: SnapshotsOptions
  readonly #outgoing: OutgoingCopies
  readonly #incoming: IncomingCopy
  readonly #healing: Healing
  readonly #closing = new AbortController()
  readonly #sending = new Set<Promise<unknown>>()
  #sentCount = 0
  #failedCount = 0
  #installedCount = 0

  constructor(options: SnapshotsOptions) {
    const { host, disk, log, record } = options
    const { database, group, dataFile } = host
    this.#options = options
    this.#outgoing = new OutgoingCopies({
      ...options,
      onFailed: ({ code, message }) =>
        log('warn', 'A copy of a database could not be made', { database, group, code, reason: message }),
    })
    this.#incoming = new IncomingCopy({ database, dataFile, disk }, record)
    this.#healing = new Healing({ ...options, receivedBytes: () => this.#incoming.receivedBytes })
  }

  get retainedFrom(): number | null {
    return this.#outgoing.retainedFrom
  }

  // To others.

  offer(): SnapshotMetadata | null {
    return this.#outgoing.offer()?.description.metadata ?? null
  }

  send(request: SnapshotRequest): void {
    const copy = this.#outgoing.find(request.snapshot.index)
    const sent =
      copy === null
        ? Promise.resolve(false)
        : this.#stream(request.to, copy, { purpose: 'follow', copy: copy.description, request })
    // Never from inside of the call: the core is in the middle of handing out what there is to do.
    void sent.then((isSent) => this.#options.host.reportSnapshot(request.to, isSent ? 'sent' : 'failed'))
  }

  /** Another member's file is damaged. Rejects with NOT_LEADER; the copy follows as a stream. */
  pulled(from: number, { position }: Pull): Uint8Array {
    const { host } = this.#options
    if (!host.isLeading)
      throw new HarmonyError('NOT_LEADER', `This member does not lead ${host.database}. Ask the leader.`)
    this.#outgoing.get(position).then(
      (copy) => this.#stream(from, copy, { purpose: 'heal', group: host.group, copy: copy.description }),
      // It was told to the log, and the other one asks again.
      () => {},
    )
    return encodePullAnswer()
  }

  #stream(to: number, copy: OutgoingCopy, transfer: Transfer): Promise<boolean> {
    const sending = this.#streamNow(to, copy, transfer).catch((error: unknown) => {
      this.#tellSent(to, copy, { kind: 'interrupted', reason: toHarmonyError(error).message })
      return false
    })
    this.#sending.add(sending)
    void sending.then(() => this.#sending.delete(sending))
    return sending
  }

  async #streamNow(to: number, copy: OutgoingCopy, transfer: Transfer): Promise<boolean> {
    const { peers } = this.#options
    const source = await this.#outgoing.open(copy, encodeTransfer(transfer))
    const stall = new AbortController()
    const stopWatching = this.#watch(source, stall)
    try {
      const signal = AbortSignal.any([stall.signal, this.#closing.signal])
      const outcome = await peers.sendStream(to, source, signal)
      this.#tellSent(to, copy, outcome)
      return outcome.kind === 'done'
    } finally {
      stopWatching()
      await source.close()
    }
  }

  /** Gives a receiver up that is alive and takes nothing. */
  #watch(source: OpenSource, stall: AbortController): () => void {
    const { clock } = this.#options
    let before = -1
    const check = (): void => {
      if (source.readCount === before) return stall.abort()
      before = source.readCount
      timer = clock.after(STALL_TIMEOUT_MS, check)
    }
    let timer = clock.after(STALL_TIMEOUT_MS, check)
    return () => timer.cancel()
  }

  #tellSent(member: number, { description }: OutgoingCopy, outcome: PeerStreamOutcome): void {
    const { host, log } = this.#options
    const { database, group } = host
    const { sizeBytes, metadata } = description
    const fields = { database, group, member, index: metadata.index, sizeBytes }
    if (outcome.kind === 'done') {
      this.#sentCount++
      log('info', 'A copy of a database was sent', fields)
      return
    }
    this.#failedCount++
    const reason = outcome.kind === 'refused' ? `${outcome.code}: ${outcome.message}` : outcome.reason
    log('info', 'The sending of a copy ended early', { ...fields, reason })
  }

  // From others.

  receive({ from, sizeBytes }: IncomingPeerStream, transfer: Transfer): Promise<PeerStreamSink> {
    const { copy } = transfer
    if (sizeBytes !== copy.sizeBytes) throw invalid('its size is not that of its description')
    if (transfer.purpose === 'heal') {
      if (!this.#healing.isActive) throw invalid('nobody asked for it')
      return this.#incoming.receive(copy, () => this.#heal(copy))
    }
    const { request } = transfer
    if (request.from !== from) throw invalid('it is for another member, or from another one')
    return this.#incoming.receive(copy, async () => this.#options.host.step(request))
  }

  claim(snapshot: SnapshotMetadata): boolean {
    return this.#incoming.claim(snapshot)
  }

  async install(snapshot: SnapshotMetadata, replaceLog: () => Promise<void>): Promise<void> {
    await this.#installFile()
    await replaceLog()
    this.#installed(snapshot)
  }

  installed(): SnapshotMetadata | null {
    const { record } = this.#options
    return record?.state === 'installed' ? record.copy.metadata : null
  }

  damaged(error: HarmonyError): void {
    this.#healing.damaged(error)
  }

  stats(): SnapshotStats {
    return {
      copies: this.#outgoing.madeCount,
      sent: this.#sentCount,
      failed: this.#failedCount,
      installed: this.#installedCount,
      receivedBytes: this.#incoming.receivedBytes,
      damaged: this.#healing.damagedCount,
      healed: this.#healing.healedCount,
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#healing.close()
    await Promise.all(this.#sending)
    await this.#incoming.settled()
    await this.#outgoing.close()
  }

  /** The file of a copy that was asked for takes the place of the damaged one; the log stays. */
  async #heal({ metadata }: CopyDescription): Promise<void> {
    const { host } = this.#options
    await this.#untilCommitted(metadata.index)
    if (!host.logGoesOnFrom(metadata)) throw invalid('the log here does not go on from it')
    if (!this.claim(metadata)) throw invalid('another one has taken its place')
    let isInPlace = false
    try {
      await host.replaceFile(metadata.index, async () => {
        await this.#installFile()
        isInPlace = true
      })
    } catch (error) {
      if (!isInPlace) this.#incoming.unclaim()
      throw error
    }
    this.#installed(metadata)
  }

  async #untilCommitted(index: number): Promise<void> {
    const { host, clock } = this.#options
    const deadlineMs = clock.nowMs() + COMMIT_TIMEOUT_MS
    while (host.commitIndex < index) {
      if (clock.nowMs() > deadlineMs || this.#closing.signal.aborted)
        throw invalid('the log here did not come that far')
      await sleep(clock, COMMIT_POLL_MS)
    }
  }

  /**
   * From the moment in which the old file may be gone there is no way back: it is tried until it succeeds. Until then it rejects, and
   * everything is as it was.
   */
  async #installFile(): Promise<void> {
    const { host, clock, log } = this.#options
    let isBegun = false
    for (;;) {
      try {
        return await this.#incoming.install(() => (isBegun = true))
      } catch (cause) {
        const { code, message } = toHarmonyError(cause)
        const { database, group } = host
        log('warn', 'A copy of a database could not be put in place', {
          database,
          group,
          code,
          reason: message,
        })
        if (!isBegun) this.#incoming.unclaim()
        if (!isBegun || this.#closing.signal.aborted) throw cause
      }
      await sleep(clock, INSTALL_RETRY_MS)
    }
  }

  #installed({ index, term }: SnapshotMetadata): void {
    const { host, log } = this.#options
    const { database, group } = host
    this.#installedCount++
    log('info', 'A copy of a database was installed', { database, group, index, term })
    // If this is not done the next start does it.
    this.#incoming.forget().catch(() => {})
  }
}

function invalid(why: string): HarmonyError {
  return new HarmonyError('REQUEST_INVALID', `A copy of a database was refused: ${why}.`)
}
