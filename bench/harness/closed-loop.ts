/** Closed-loop load: each client sends its next operation when the previous one is answered. */

import { LatencyRecorder, type RoundResult } from './latency.ts'

export interface LoadClient {
  operate(): Promise<void>
  close(): Promise<void>
}

/** Runs all clients for `seconds`, after a warm-up of a fifth of it that is not counted. */
export async function runClosedLoop(clients: readonly LoadClient[], seconds: number): Promise<RoundResult> {
  const recorder = new LatencyRecorder()
  const start = performance.now()
  const measureFrom = start + seconds * 200
  const end = measureFrom + seconds * 1000
  await Promise.all(clients.map((client) => runClient(client, recorder, measureFrom, end)))
  return recorder.result(performance.now() - measureFrom)
}

async function runClient(
  client: LoadClient,
  recorder: LatencyRecorder,
  measureFrom: number,
  end: number,
): Promise<void> {
  for (;;) {
    const before = performance.now()
    if (before >= end) return
    await client.operate()
    if (before >= measureFrom) recorder.record(performance.now() - before)
  }
}
