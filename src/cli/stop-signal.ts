/**
 * SIGINT and SIGTERM: the first one asks to stop, a second SIGINT stops at once.
 *
 * `npm start` passes on a Ctrl-C that the terminal has sent to the whole process group already, so one key press
 * arrives twice. A second signal counts only after a pause that no program and no person would fall below by chance.
 */

import { EXIT_INTERRUPTED } from './failure.ts'

const SAME_KEYPRESS_MS = 400

export interface StopSignal {
  /** Resolves with the name of the first signal. */
  readonly received: Promise<NodeJS.Signals>
}

/** Takes over both signals for the rest of the process's life. */
export function listenForStop(onForced: () => void): StopSignal {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let firstAtMs: number | null = null
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAtMs === null) {
      firstAtMs = performance.now()
      resolve(signal)
    } else if (signal === 'SIGINT' && performance.now() - firstAtMs > SAME_KEYPRESS_MS) {
      onForced()
      process.exit(EXIT_INTERRUPTED)
    }
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return { received: promise }
}
