/** A bar on the terminal, while something takes long; nothing where there is no terminal. */

const BAR_WIDTH = 24
const ERASE_LINE = '\r\u001B[K'
const SECONDS_A_MINUTE = 60

export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export class Progress {
  readonly #stream: ProgressStream
  readonly #startMs = performance.now()
  #expected = 1
  #done = 0
  #coming = 0

  constructor(stream: ProgressStream) {
    this.#stream = stream
  }

  /** In seconds, roughly. */
  expect(work: number): void {
    this.#expected += work
  }

  /** What begins now, and how much it weighs. */
  step(what: string, weight: number): void {
    this.#done += this.#coming
    this.#coming = weight
    if (this.#stream.isTTY !== true) return
    const line = `${bar(this.#done / this.#expected)} ${this.#timeLeft()} ${what}`
    this.#stream.write(`${ERASE_LINE}${line.slice(0, (this.#stream.columns ?? 80) - 1)}`)
  }

  end(): void {
    if (this.#stream.isTTY === true) this.#stream.write(ERASE_LINE)
  }

  #timeLeft(): string {
    const seconds = (performance.now() - this.#startMs) / 1000
    const left = this.#done === 0 ? this.#expected : (seconds / this.#done) * (this.#expected - this.#done)
    return `${Math.floor(left / SECONDS_A_MINUTE)}:${String(Math.floor(left % SECONDS_A_MINUTE)).padStart(2, '0')} left,`
  }
}

export function bar(share: number): string {
  const full = Math.round(Math.min(1, share) * BAR_WIDTH)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)} ${String(Math.round(Math.min(1, share) * 100)).padStart(3)}%`
}
