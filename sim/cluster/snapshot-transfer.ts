/**
 * How the hosts move snapshots: chunk by chunk, each acknowledged with the first chunk that is still missing,
 * so that a transfer which follows a failed one goes on where that ended.
 *
 * The sender repeats a chunk that is not acknowledged, gives up after a while, and reports either end to its core.
 */

import type { SnapshotRequest } from '../../src/raft/message.ts'
import { MILLISECOND } from '../event-queue.ts'
import type { MachineImage } from './machine.ts'
import type { ChunkReceived, SnapshotChunk } from './packet.ts'

const RESEND_AFTER_US = 60 * MILLISECOND
const SENDS_MAX = 5

interface Outgoing {
  readonly transfer: number
  readonly request: SnapshotRequest
  readonly image: MachineImage
  missing: number
  /** How often the present chunk was sent. */
  sends: number
}

export interface SenderHost {
  later(delayUs: number, action: () => void): void
  send(to: number, packet: SnapshotChunk): void
  ended(to: number, outcome: 'sent' | 'failed'): void
}

/** The transfers that one replica sends, at most one to each member. */
export class SnapshotSender {
  readonly #host: SenderHost
  readonly #chunks: number
  readonly #outgoing = new Map<number, Outgoing>()
  #transfers = 0

  constructor(host: SenderHost, chunks: number) {
    this.#host = host
    this.#chunks = chunks
  }

  /** Begins a transfer; one that is under way to the same member is forgotten. */
  begin(request: SnapshotRequest, image: MachineImage): void {
    this.#transfers += 1
    const outgoing = { transfer: this.#transfers, request, image, missing: 0, sends: 0 }
    this.#outgoing.set(request.to, outgoing)
    this.#send(outgoing)
  }

  received(from: number, { transfer, missing }: ChunkReceived): void {
    const outgoing = this.#outgoing.get(from)
    if (outgoing === undefined || outgoing.transfer !== transfer || missing <= outgoing.missing) return
    outgoing.missing = missing
    outgoing.sends = 0
    if (missing >= this.#chunks) this.#end(outgoing, 'sent')
    else this.#send(outgoing)
  }

  #send(outgoing: Outgoing): void {
    if (outgoing.sends >= SENDS_MAX) {
      this.#end(outgoing, 'failed')
      return
    }
    outgoing.sends += 1
    const { transfer, request, image, missing, sends } = outgoing
    this.#host.send(request.to, {
      kind: 'snapshot-chunk',
      transfer,
      chunk: missing,
      chunks: this.#chunks,
      request,
      image,
    })
    this.#host.later(RESEND_AFTER_US, () => {
      const current = this.#outgoing.get(request.to) === outgoing
      if (current && outgoing.missing === missing && outgoing.sends === sends) this.#send(outgoing)
    })
  }

  #end(outgoing: Outgoing, outcome: 'sent' | 'failed'): void {
    this.#outgoing.delete(outgoing.request.to)
    this.#host.ended(outgoing.request.to, outcome)
  }
}

interface Incoming {
  readonly index: number
  readonly term: number
  received: number
  image: MachineImage | null
}

/** The chunks that one replica has received. Snapshots are named by their index and term. */
export class SnapshotReceiver {
  #incoming: Incoming | null = null
  readonly #complete = new Map<string, MachineImage>()

  /** Takes a chunk. `completed` is true for the one that was missing last. */
  take(chunk: SnapshotChunk): { missing: number; completed: boolean } {
    const { index, term } = chunk.request.snapshot
    if (this.#incoming === null || this.#incoming.index !== index || this.#incoming.term !== term) {
      this.#incoming = { index, term, received: 0, image: null }
    }
    const incoming = this.#incoming
    if (chunk.chunk === incoming.received) incoming.received += 1
    const done = incoming.received >= chunk.chunks
    // Repeated once complete, when the acknowledgement was lost or another transfer of it began: the core
    // is told again, as it may have forgotten or refused it the first time.
    if (done) this.#complete.set(`${index}.${term}`, chunk.image)
    return { missing: incoming.received, completed: done }
  }

  image(index: number, term: number): MachineImage | null {
    return this.#complete.get(`${index}.${term}`) ?? null
  }

  /** The snapshot at `index` is installed: older ones will not be asked for. */
  installed(index: number): void {
    for (const [name, image] of this.#complete) {
      if (image.appliedIndex <= index) this.#complete.delete(name)
    }
    this.#incoming = null
  }
}
