/**
 * A query worker: a child process that runs statements which may run long, because `node:sqlite` has no interrupt and
 * only a process can be killed. It opens the database files read-only, like the gateway that started it.
 *
 * It must not outlive its gateway: it ends when the channel closes, and, because a statement keeps it from noticing,
 * a watchdog thread ends it when its parent is gone or when one stretch of work takes longer than its timeout.
 */

import { startWatchdog } from '../watchdog.ts'
import { QueryWork } from './query-work.ts'
import type { WorkerOptions, WorkerReply, WorkerRequest } from './worker-protocol.ts'

/** Cells shared with the watchdog: [0] is 1 while a stretch of work runs, [1] its timeout in milliseconds. */
const watched = new Int32Array(new SharedArrayBuffer(8))

const options = JSON.parse(process.argv[2] as string) as WorkerOptions
const work = new QueryWork(options)

function send(reply: WorkerReply): void {
  process.send?.(reply)
}

process.on('message', (request: WorkerRequest) => {
  Atomics.store(watched, 0, 1)
  if ('timeoutMs' in request) Atomics.store(watched, 1, request.timeoutMs)
  send(work.answer(request))
  Atomics.store(watched, 0, 0)
})
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole group of processes: the gateway decides when its workers end.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

startWatchdog({ parentId: process.ppid, memoryBytesMax: options.memoryBytesMax, work: watched })
send({ type: 'ready' })
