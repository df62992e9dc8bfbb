/**
 * Feeds a target with mutated inputs, and holds each of them to its bounds: what may come out, how long it may take, what it may allocate. What
 * stays behind in memory is looked at over all inputs.
 */

import { setFlagsFromString, getHeapStatistics } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { mutate } from './mutate.ts'
import { FuzzRandom } from './random.ts'
import type { FuzzTarget, OpenTarget, Outcome } from './target.ts'

export interface FuzzRequest {
  readonly inputs: number
  readonly seed: number
  /** Number of the first input: a failure names the one to begin with. */
  readonly first: number
  /** Called about twenty times. */
  readonly progress?: (figures: FuzzFigures) => void
}

export interface FuzzFigures {
  readonly inputs: number
  readonly taken: number
  readonly refused: number
  readonly seconds: number
  /** Of one input. */
  readonly longestMs: number
  readonly allocatedBytesMax: number
  readonly heapBytes: number
  readonly residentBytes: number
}

const TIME_MS_MAX = 250
/** A garbage collection, a compilation: it is the input's fault only if it happens each time. */
const TRIES = 4
const SHOWN_BYTES_MAX = 3_000
/** What a run may leave in memory beyond what its first tenth left: caches fill up, and are bounded. */
const GROWTH_BYTES_MAX = 24 * 1024 * 1024
/** Below this a tenth of the run is too little to have filled the caches. */
const GROWTH_INPUTS_MIN = 20_000

/** Rejects with what is wrong, and how to see it again. */
export async function fuzz(target: FuzzTarget, request: FuzzRequest): Promise<FuzzFigures> {
  await using run = new FuzzRun(target, request, await target.open())
  return await run.all()
}

class FuzzRun implements AsyncDisposable {
  readonly #target: FuzzTarget
  readonly #request: FuzzRequest
  readonly #open: OpenTarget
  readonly #started = performance.now()
  readonly #outcomes: Record<Outcome, number> = { taken: 0, refused: 0 }
  #longestMs = 0
  #allocatedBytesMax = 0
  #heapBytesFirst = 0

  constructor(target: FuzzTarget, request: FuzzRequest, open: OpenTarget) {
    this.#target = target
    this.#request = request
    this.#open = open
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open[Symbol.asyncDispose]?.()
  }

  async all(): Promise<FuzzFigures> {
    const { inputs, first, progress } = this.#request
    const step = Math.max(1, Math.ceil(inputs / 20))
    for (let done = 0; done < inputs; done++) {
      if (done % step === 0 && done > 0) await this.#pause(done, done === 2 * step, progress)
      await this.#one(first + done)
    }
    await this.#open.check?.()
    const figures = this.#figures(inputs)
    const grownBytes = figures.heapBytes - this.#heapBytesFirst
    if (inputs >= GROWTH_INPUTS_MIN && grownBytes > GROWTH_BYTES_MAX)
      throw new Error(
        `${this.#target.name}: ${grownBytes} bytes stayed in memory; seed ${this.#request.seed}`,
      )
    return figures
  }

  async #pause(done: number, isFirst: boolean, progress: FuzzRequest['progress']): Promise<void> {
    await this.#open.check?.()
    // A loop that awaits nothing but what is ready keeps everyone else from their turn.
    await new Promise((resolve) => setImmediate(resolve))
    if (isFirst) this.#heapBytesFirst = heapBytes()
    progress?.(this.#figures(done))
  }

  #figures(inputs: number): FuzzFigures {
    return {
      inputs,
      ...this.#outcomes,
      seconds: (performance.now() - this.#started) / 1000,
      longestMs: this.#longestMs,
      allocatedBytesMax: this.#allocatedBytesMax,
      heapBytes: heapBytes(),
      residentBytes: process.memoryUsage.rss(),
    }
  }

  async #one(number: number): Promise<void> {
    const input = this.#input(number)
    try {
      this.#outcomes[await this.#measured(input)]++
    } catch (error) {
      throw new Error(this.#told(number, input, error), { cause: error })
    }
  }

  #input(number: number): Uint8Array {
    const random = new FuzzRandom(this.#request.seed, number)
    const { corpus, pieces = [], repair } = this.#open
    const input = mutate(random, { corpus, pieces })
    return repair === undefined ? input : repair(input, random)
  }

  async #measured(input: Uint8Array): Promise<Outcome> {
    const { allocationBytesMax, timeMsMax = TIME_MS_MAX, isRepeatable = true } = this.#open
    let problem = ''
    for (let tries = isRepeatable ? TRIES : 1; tries > 0; tries--) {
      const before = allocatedBytes()
      const started = cpuMs()
      const fed = this.#open.feed(input)
      // Most targets answer at once: waiting for them would cost more than they do.
      const outcome = typeof fed === 'string' ? fed : await fed
      const tookMs = cpuMs() - started
      const allocated = allocatedBytes() - before
      problem =
        tookMs > timeMsMax
          ? `it took ${Math.round(tookMs)} ms, ${timeMsMax} are allowed`
          : allocated > allocationBytesMax
            ? `it allocated ${allocated} bytes, ${allocationBytesMax} are allowed`
            : ''
      if (problem !== '') continue
      this.#longestMs = Math.max(this.#longestMs, tookMs)
      this.#allocatedBytesMax = Math.max(this.#allocatedBytesMax, allocated)
      return outcome
    }
    throw new Error(problem)
  }

  #told(number: number, input: Uint8Array, error: unknown): string {
    const { name } = this.#target
    const shown = Buffer.from(input.subarray(0, SHOWN_BYTES_MAX)).toString('base64')
    const cut = input.length > SHOWN_BYTES_MAX ? ` (the first ${SHOWN_BYTES_MAX} bytes)` : ''
    return [
      `${name}: input ${number} of seed ${this.#request.seed}, ${input.length} bytes: ${String(error)}`,
      `again: npm run fuzz -- --target ${name} --seed ${this.#request.seed} --first ${number} --inputs 1`,
      `base64${cut}: ${shown}`,
    ].join('\n')
  }
}

/** Of this thread: what others do on the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** Heap and buffers, as far as V8 has counted them: exact to about 100 KiB. */
function allocatedBytes(): number {
  const { total_allocated_bytes: heap, external_memory: external } = getHeapStatistics() as unknown as {
    readonly total_allocated_bytes: number
    readonly external_memory: number
  }
  return heap + external
}

let collectGarbage: (() => void) | null = null

function heapBytes(): number {
  if (collectGarbage === null) {
    setFlagsFromString('--expose-gc')
    collectGarbage = runInNewContext('gc') as () => void
  }
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
