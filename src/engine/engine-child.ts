/** How a process of engines is started, and what its owner sees of it. The simulator brings one without a process. */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from './child-environment.ts'
import type { EngineProcessOptions, EngineWorkerOptions, FromWorker, ToWorker } from './process-protocol.ts'

export interface EngineChild {
  readonly processId: number | undefined
  /** Messages arrive in the order in which they are sent. What can't be sent because the process is gone is lost; its end is told. */
  send(message: ToWorker): void
  /** SIGKILL: its end is told when the operating system has taken it away. */
  kill(): void
}

/** Called later, never from within `StartChild`. */
export interface EngineChildEvents {
  /** May come after the end. */
  message(message: FromWorker): void
  /** It ended, or could not be started: `how`, for a sentence that begins with "The process". */
  ended(how: string): void
}

export type StartChild = (options: EngineProcessOptions, events: EngineChildEvents) => EngineChild

const MIB = 1024 * 1024

/** Type stripping runs the TypeScript source; the published package holds JavaScript. */
const WORKER_FILE = fileURLToPath(
  new URL(`./engine-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

export const forkChild: StartChild = (options, events) => {
  const workerOptions: EngineWorkerOptions = { ...options, parentId: process.pid }
  const child = fork(WORKER_FILE, [JSON.stringify(workerOptions)], {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${Math.ceil(options.memoryBytesMax / MIB)}`],
    env: childEnvironment(),
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  child.on('message', (message: FromWorker) => events.message(message))
  // Only told of a process that could not be started has no exit.
  child.on('error', (error) => {
    if (child.pid === undefined) events.ended(`could not be started: ${error.message}`)
  })
  child.on('exit', (code, signal) => events.ended(`ended (${signal ?? `code ${code}`})`))
  return {
    processId: child.pid,
    send: (message) => void child.send(message, () => {}),
    kill: () => void child.kill('SIGKILL'),
  }
}
