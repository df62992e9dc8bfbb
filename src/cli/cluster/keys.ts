/** Single key presses at a terminal. In this mode the terminal makes no signals of Ctrl-C, so it arrives as a key. */

import type { ReadStream } from 'node:tty'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'

export interface KeyHandlers {
  readonly onDigit: (digit: number) => void
  readonly onStop: () => void
}

/** Gives a function that puts the terminal back as it was. */
export function readKeys(input: ReadStream, handlers: KeyHandlers): () => void {
  const onData = (text: string): void => {
    for (const key of text) {
      if (key === CTRL_C || key === CTRL_D || key === 'q') handlers.onStop()
      else if (/^[0-9]$/.test(key)) handlers.onDigit(Number(key))
    }
  }
  input.setRawMode(true)
  input.setEncoding('utf8')
  input.on('data', onData)
  return () => {
    input.off('data', onData)
    input.setRawMode(false)
    input.pause()
  }
}
