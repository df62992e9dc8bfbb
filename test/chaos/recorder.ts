/** What the clients of a run asked and heard, in one order: lines of a history for `harmonydb check`, and moments for the report. */

import { createWriteStream } from 'node:fs'
import type { WriteStream } from 'node:fs'
import type { Outcome } from '../../src/history/history-file.ts'
import { HistoryReader } from '../../src/history/history-file.ts'
import type { HistoryVerdict } from '../../src/history/check-history.ts'
import { checkHistory } from '../../src/history/check-history.ts'

export interface Moment {
  readonly atMs: number
  readonly tookMs: number
  readonly outcome: Outcome
  /** How it was asked, as `pg txn`. */
  readonly what: string
  /** Why it was not `ok`; empty if it was. */
  readonly reason: string
}

export class Recorder {
  readonly #reader = new HistoryReader()
  readonly #file: WriteStream
  readonly #startMs: number
  readonly moments: Moment[] = []

  constructor(file: string, startMs: number) {
    this.#file = createWriteStream(file)
    this.#startMs = startMs
  }

  /** `work` gives what was answered; what it throws says whether it happened. Resolves with whether it did. */
  async record<T>(
    call: {
      readonly process: number | string
      readonly f: string
      readonly key?: string
      readonly value: unknown
    },
    protocol: string,
    work: () => Promise<T>,
  ): Promise<boolean> {
    const askedAtMs = performance.now()
    this.#line({ ...call, type: 'invoke' })
    const { outcome, value, reason } = await work().then(
      (answer) => ({ outcome: 'ok' as const, value: answer ?? call.value, reason: '' }),
      (error: unknown) => ({
        outcome: error instanceof NotDone ? ('fail' as const) : ('info' as const),
        value: call.value,
        reason: error instanceof NotDone ? error.message : (error as Error).message,
      }),
    )
    this.#line({ ...call, type: outcome, value, ...(reason !== '' && { error: reason }) })
    this.moments.push({
      atMs: askedAtMs - this.#startMs,
      tookMs: performance.now() - askedAtMs,
      outcome,
      what: `${protocol} ${call.f}`,
      reason,
    })
    return outcome === 'ok'
  }

  async end(): Promise<HistoryVerdict> {
    await new Promise((resolve) => this.#file.end(resolve))
    return checkHistory(this.#reader.end())
  }

  #line(event: Record<string, unknown>): void {
    const text = JSON.stringify(event)
    this.#reader.line(text)
    this.#file.write(`${text}\n`)
  }
}

/** It certainly did not happen. */
export class NotDone extends Error {}
