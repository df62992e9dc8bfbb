/**
 * The child process that owns engines: started by `engine-child.ts`. One process may own the engines of several databases.
 *
 * It ends when its member is gone: by the closed channel, and by the watchdog where a statement keeps it from noticing.
 */

import { SystemClock } from '../host/clock.ts'
import { EngineServer } from './engine-server.ts'
import { LocalEngine } from './local-engine.ts'
import type { EngineWorkerOptions, ToWorker } from './process-protocol.ts'
import { startWatchdog } from './watchdog.ts'
import { lockWriter } from './writer-lock.ts'

const { parentId, memoryBytesMax } = JSON.parse(process.argv[2] as string) as EngineWorkerOptions

const server = new EngineServer({
  clock: new SystemClock(),
  reply: (message) => new Promise((resolve) => process.send?.(message, () => resolve())),
  lock: (dataFile) => lockWriter(dataFile),
  openEngine: (options) => LocalEngine.open(options),
})

process.on('message', (message: ToWorker) => server.take(message))
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole group of processes: the member decides when its engines end.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
startWatchdog({ parentId, memoryBytesMax })
