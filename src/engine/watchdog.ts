/**
 * A child process must not outlive its parent, nor take the machine's memory. It can't see to that itself while SQLite runs a
 * statement, because nothing else happens on its thread then. So a second thread watches, and kills the whole process.
 */

import { Worker } from 'node:worker_threads'

export interface WatchdogOptions {
  /** The process that must be there. */
  readonly parentId: number
  /** Private memory of this process, beyond what Node.js itself takes. */
  readonly memoryBytesMax: number
  /** Cells shared with it: [0] is 1 while a stretch of work runs, [1] its timeout in milliseconds, or 0. */
  readonly work?: Int32Array
}

/** What Node.js itself takes. */
const RUNTIME_MEMORY_BYTES = 128 * 1024 * 1024

/** A stretch of work may be late by this much: its owner kills it in time where there still is one. */
const GRACE_MS = 5_000

/**
 * Plain text without imports: it must start in a few milliseconds. Memory is what SQLite holds outside of the JavaScript heap
 * (sorts, large values): resident pages that are not shared with the mapped file. SQLite's own heap limit needs
 * memory statistics, which Node.js compiles out. Where there is no /proc, memory is not watched.
 */
const PROGRAM = `
  const { readFileSync } = require('node:fs')
  const { workerData } = require('node:worker_threads')
  const { work, parentId, graceMs, memoryBytesMax } = workerData
  const PAGE_BYTES = 4096
  let since = performance.now()
  const privateBytes = () => {
    try {
      const [, resident, shared] = readFileSync('/proc/self/statm', 'utf8').split(' ')
      return (resident - shared) * PAGE_BYTES
    } catch {
      return 0
    }
  }
  const isLate = (now) => {
    if (Atomics.load(work, 0) === 0) since = now
    const limit = Atomics.load(work, 1)
    return limit > 0 && now - since > limit + graceMs
  }
  const check = () => {
    if (process.ppid !== parentId || isLate(performance.now()) || privateBytes() > memoryBytesMax)
      process.kill(process.pid, 'SIGKILL')
  }
  check()
  setInterval(check, 250)
`

export function startWatchdog({ parentId, memoryBytesMax, work }: WatchdogOptions): void {
  const watchdog = new Worker(PROGRAM, {
    eval: true,
    workerData: {
      work: work ?? new Int32Array(new SharedArrayBuffer(8)),
      parentId,
      graceMs: GRACE_MS,
      memoryBytesMax: memoryBytesMax + RUNTIME_MEMORY_BYTES,
    },
    resourceLimits: { maxOldGenerationSizeMb: 16 },
  })
  watchdog.unref()
}
