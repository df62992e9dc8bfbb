/**
 * The child process that owns engines: started by `engine-process.ts`. One process may own the engines of several databases.
 *
 * It ends when its member is gone: by the closed channel, and by the watchdog where a statement keeps it from noticing.
 */

import { must } from '../base/assert.ts'
import { SystemClock } from '../host/clock.ts'
import { LocalEngine } from './local-engine.ts'
import { toErrorData } from '../base/error-data.ts'
import type { EngineCall, EngineWorkerOptions, FromWorker, ToWorker } from './process-protocol.ts'
import { startWatchdog } from './watchdog.ts'
import { RestPace, WalRest } from './wal-rest.ts'
import { lockWriter, type WriterLock } from './writer-lock.ts'

interface Owned {
  readonly engine: LocalEngine
  readonly rest: WalRest
  readonly lock: WriterLock
}

const { parentId, memoryBytesMax } = JSON.parse(process.argv[2] as string) as EngineWorkerOptions
const CLOCK = new SystemClock()
const PACE = new RestPace()
const owned = new Map<number, Owned>()

type Method = (...args: readonly unknown[]) => Promise<unknown>

async function open(message: ToWorker & { kind: 'open' }): Promise<null> {
  const lock = lockWriter(message.options.dataFile)
  try {
    const engine = await LocalEngine.open(message.options)
    const rest = new WalRest(() => engine.rest(), CLOCK, PACE)
    owned.set(message.engine, { engine, rest, lock })
    rest.noteCall()
    return null
  } catch (error) {
    lock.release()
    throw error
  }
}

async function close(id: number, { engine, rest, lock }: Owned): Promise<null> {
  owned.delete(id)
  rest.close()
  try {
    await engine.close()
  } finally {
    lock.release()
  }
  return null
}

async function call(engine: LocalEngine, { method, args }: EngineCall): Promise<unknown> {
  return (engine[method] as Method).apply(engine, args)
}

async function carryOut(message: ToWorker): Promise<unknown> {
  if (message.kind === 'open') return open(message)
  const one = must(owned.get(message.engine), 'the engine is closed')
  one.rest.noteCall()
  return message.call.method === 'close' ? close(message.engine, one) : call(one.engine, message.call)
}

async function answer(message: ToWorker): Promise<FromWorker> {
  const { request } = message
  try {
    const value = await carryOut(message)
    const engine = owned.get(message.engine)?.engine ?? null
    const structure = engine?.structure ?? 0
    return { kind: 'done', request, value, applied: engine?.applied ?? null, structure }
  } catch (error) {
    return { kind: 'failed', request, error: toErrorData(error) }
  }
}

async function run(message: ToWorker): Promise<void> {
  const reply = await answer(message)
  await new Promise<void>((resolve) => process.send?.(reply, () => resolve()))
}

/**
 * One after another, each when the answer of the one before has left: a statement that never ends must not keep an answer back,
 * or its time would be counted against another call. Snapshots go on beside what follows.
 */
let turn: Promise<void> = Promise.resolve()

process.on('message', (message: ToWorker) => {
  turn = turn.then(() => {
    const isBeside = message.kind === 'call' && message.call.method === 'snapshot'
    const done = run(message)
    return isBeside ? undefined : done
  })
})
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole group of processes: the member decides when its engines end.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
startWatchdog({ parentId, memoryBytesMax })
