/**
 * The answers that one turn of the event loop has made, sent at its end. A write wakes its client, the dearest part of a short answer: a
 * process with several connections (a pool, a load generator) that is woken by the first of them finds the others there, too, while one that
 * gets them one by one goes to sleep and is woken for each. Rejected: to write at once (a sixth more processor time here and a fifth more at
 * the client, with 16 connections); to let a whole long turn pass, in which the clients would have nothing to do (`TOGETHER_MAX`).
 */

/** So many answers leave together at most. */
const TOGETHER_MAX = 32

export interface WaitingOutput {
  sendWaiting(): void
}

/** One for all connections of a server. */
export class AnswersOfTurn {
  #waiting: WaitingOutput[] = []

  readonly #send = (): void => {
    const outputs = this.#waiting
    this.#waiting = []
    for (const output of outputs) output.sendWaiting()
  }

  add(output: WaitingOutput): void {
    if (this.#waiting.push(output) === 1) setImmediate(this.#send)
    if (this.#waiting.length >= TOGETHER_MAX) this.#send()
  }
}
