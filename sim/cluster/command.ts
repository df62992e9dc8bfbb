/**
 * What clients of the simulated cluster propose: one operation on one register, as bytes. Padding makes
 * entries of different sizes, so that every limit in bytes is met.
 *
 * Six 32-bit words: operation number, client, key, kind (0 write, 1 compare-and-set), expected, value; then
 * zeros.
 */

import type { RegisterAction } from '../../src/history/registers.ts'

export interface Command {
  /** Counts up over all clients: names the operation in traces and in the ledger of the client oracle. */
  readonly operation: number
  readonly client: number
  readonly key: number
  readonly action: Exclude<RegisterAction, { kind: 'read' }>
}

const WORDS = 6

export function encodeCommand(command: Command, paddingWords: number): Uint8Array {
  const { operation, client, key, action } = command
  const words = new Uint32Array(WORDS + paddingWords)
  words[0] = operation
  words[1] = client
  words[2] = key
  words[3] = action.kind === 'write' ? 0 : 1
  words[4] = action.kind === 'write' ? 0 : action.expected
  words[5] = action.value
  return new Uint8Array(words.buffer)
}

export function decodeCommand(data: Uint8Array): Command {
  const words = new Uint32Array(data.buffer, data.byteOffset, WORDS) as unknown as Record<number, number>
  const [operation, client, key, kind, expected, value] = Array.from(
    { length: WORDS },
    (_, at) => words[at] ?? 0,
  )
  const action: Command['action'] =
    kind === 0
      ? { kind: 'write', value: value ?? 0 }
      : { kind: 'compare-and-set', expected: expected ?? 0, value: value ?? 0 }
  return { operation: operation ?? 0, client: client ?? 0, key: key ?? 0, action }
}

export function describeCommand(command: Command): string {
  const { operation, key, action } = command
  const what =
    action.kind === 'write' ? `:= ${action.value}` : `${action.expected} -> ${action.value} (compare-and-set)`
  return `operation ${operation}: register ${key} ${what}`
}
