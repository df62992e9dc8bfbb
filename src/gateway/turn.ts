/**
 * Fairness on the gateway's thread. A quick statement runs inline and its promise is settled at once, so that a request of
 * thousands of them never leaves the microtask queue: no socket would be read and no timer run until its end. So whoever
 * runs one statement after another asks here first, and lets the event loop turn when this turn's time is used up.
 *
 * Rejected: a pause after every so many statements (what they cost differs by a factor of a thousand); `setImmediate` for
 * each (it would cost more than a point read).
 */

/** What running statements may take of one turn of the event loop, whoever they belong to. Others wait this long at most. */
const TURN_TIME_MS = 10

let isTurnKnown = false
let turnStartMs = 0

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function forgetTurn(): void {
  isTurnKnown = false
}

/** The time (`performance.now()`); null if this turn of the event loop has none left for another statement. */
export function timeInTurn(): number | null {
  const nowMs = performance.now()
  if (isTurnKnown) return nowMs - turnStartMs < TURN_TIME_MS ? nowMs : null
  isTurnKnown = true
  turnStartMs = nowMs
  setImmediate(forgetTurn)
  return nowMs
}

/** Null while this turn of the event loop has time left; else what to wait for. */
export function turnEnded(): Promise<void> | null {
  return timeInTurn() === null ? nextTurn() : null
}
