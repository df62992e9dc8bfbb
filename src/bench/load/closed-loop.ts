/** Closed-loop load: each client sends its next operation when the previous one is answered. */

import { setImmediate as turn } from 'node:timers/promises'
import type { LoadRun } from './load-run.ts'

/** A library that answers at once would never let the event loop turn, and nobody would look at the processor time. */
const TURN_INTERVAL_MS = 20

export async function runClosedLoop(run: LoadRun): Promise<void> {
  await Promise.all(run.clients.map((client) => runClient(client, run)))
}

async function runClient(operate: () => Promise<void>, { recorder, window }: LoadRun): Promise<void> {
  let beforeMs = performance.now()
  let turnedMs = beforeMs
  while (beforeMs < window.endMs) {
    await operate()
    const afterMs = performance.now()
    if (afterMs >= window.measureFromMs && afterMs <= window.endMs) recorder.record(afterMs - beforeMs)
    beforeMs = afterMs
    if (afterMs - turnedMs < TURN_INTERVAL_MS) continue
    await turn()
    beforeMs = performance.now()
    turnedMs = beforeMs
  }
}
