/** The worker thread that owns engines: started by `engine-thread.ts`. One thread may own the engines of many databases. */

import { parentPort } from 'node:worker_threads'
import { must } from '../base/assert.ts'
import { toHarmonyError } from '../base/errors.ts'
import type { Engine } from './engine.ts'
import { LocalEngine } from './local-engine.ts'
import { toErrorData } from './sqlite-errors.ts'
import type { EngineCall, FromWorker, ToWorker } from './thread-protocol.ts'

const port = must(parentPort, 'engine-worker.ts runs as a worker thread')
const engines = new Map<number, Engine>()

type Method = (...args: readonly unknown[]) => Promise<unknown>

/** Engines do what they are asked in the order of the calls, because each starts before the next message is taken. */
async function call(engine: Engine, { method, args }: EngineCall): Promise<unknown> {
  return (engine[method] as Method).apply(engine, args)
}

async function carryOut(message: ToWorker): Promise<unknown> {
  if (message.kind === 'open') {
    engines.set(message.engine, await LocalEngine.open(message.options))
    return null
  }
  const engine = must(engines.get(message.engine), 'the engine is closed')
  if (message.call.method === 'close') engines.delete(message.engine)
  return call(engine, message.call)
}

async function answer(message: ToWorker): Promise<FromWorker> {
  const { request } = message
  try {
    const value = await carryOut(message)
    return { kind: 'done', request, value, applied: engines.get(message.engine)?.applied ?? null }
  } catch (error) {
    return { kind: 'failed', request, error: toErrorData(toHarmonyError(error)) }
  }
}

port.on('message', (message: ToWorker) => {
  void answer(message).then((reply) => port.postMessage(reply))
})
