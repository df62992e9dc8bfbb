/**
 * A look into another process of Node.js on this machine, which need not be prepared for it: SIGUSR1 opens its inspector, which is closed again afterwards.
 * What the inspector itself takes (some megabytes) stays in its memory, so resident sizes are to be taken before.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { must } from '../../src/base/assert.ts'

/** Where Node.js listens after SIGUSR1; one process at a time can. */
const INSPECTOR_URL = 'http://127.0.0.1:9229/json/list'
const PATIENCE_MS = 30_000
const POLL_INTERVAL_MS = 50

export interface HeapUsage {
  /** Objects of JavaScript that are reachable. */
  readonly heapUsed: number
  /** What V8 has taken from the system for them. */
  readonly heapTotal: number
  /** Memory outside of it that belongs to its objects, buffers included. */
  readonly external: number
}

interface Reply {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly chunk?: string }
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

export class InspectedProcess implements AsyncDisposable {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #chunks: string[] = []
  #lastId = 0

  /** Rejects if its inspector can't be reached, or another process has taken the port. */
  static async open(pid: number): Promise<InspectedProcess> {
    process.kill(pid, 'SIGUSR1')
    const socket = new WebSocket(await inspectorOf(pid))
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    const inspected = new InspectedProcess(socket)
    const found = await inspected.#evaluate('process.pid')
    if (found === pid) return inspected
    throw new Error(`the inspector's port belongs to process ${String(found)}, not to ${pid}`)
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Reply))
  }

  async collectGarbage(): Promise<void> {
    await this.#call('HeapProfiler.collectGarbage')
  }

  async heapUsage(): Promise<HeapUsage> {
    const { heapUsed, heapTotal, external } = (await this.#evaluate('process.memoryUsage()')) as HeapUsage
    return { heapUsed, heapTotal, external }
  }

  /** As V8 writes it: the text of a .heapsnapshot file. */
  async heapSnapshot(): Promise<string> {
    this.#chunks.length = 0
    await this.#call('HeapProfiler.takeHeapSnapshot', { reportProgress: false })
    return this.#chunks.splice(0).join('')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It ends this connection, so its answer may not come.
    const closed = new Promise((resolve) => this.#socket.addEventListener('close', resolve))
    const expression = `setTimeout(() => process.getBuiltinModule('node:inspector').close(), 10)`
    await this.#call('Runtime.evaluate', { expression })
    await closed
  }

  async #evaluate(expression: string): Promise<unknown> {
    const { result } = (await this.#call('Runtime.evaluate', { expression, returnByValue: true })) as {
      result: { value: unknown }
    }
    return result.value
  }

  #call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(id, waiting)
    this.#socket.send(JSON.stringify({ id, method, params }))
    return waiting.promise
  }

  #take({ id, method, params, result, error }: Reply): void {
    if (method === 'HeapProfiler.addHeapSnapshotChunk') this.#chunks.push(must(params?.chunk))
    if (id === undefined) return
    const waiting = must(this.#waiting.get(id))
    this.#waiting.delete(id)
    if (error === undefined) waiting.resolve(result)
    else waiting.reject(new Error(error.message))
  }
}

async function inspectorOf(pid: number): Promise<string> {
  for (const deadlineMs = performance.now() + PATIENCE_MS; performance.now() < deadlineMs;) {
    const answer = await fetch(INSPECTOR_URL).catch(() => null)
    if (answer !== null) {
      const [found] = (await answer.json()) as { webSocketDebuggerUrl: string }[]
      return must(found).webSocketDebuggerUrl
    }
    await sleep(POLL_INTERVAL_MS)
  }
  throw new Error(`the inspector of process ${pid} does not answer at ${INSPECTOR_URL}`)
}
