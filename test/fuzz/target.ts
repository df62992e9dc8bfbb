/** What a fuzzer needs to know of one reader of bytes. `runner.ts` does the rest, the same for all. */

import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { HarmonyError } from '../../src/base/errors.ts'
import type { FuzzRandom } from './random.ts'

export type Outcome = 'taken' | 'refused'

export interface FuzzTarget {
  readonly name: string
  /** What reads the bytes, and from whom they may come. */
  readonly what: string
  /** How many inputs the tests of the repository give it: about a second's worth. */
  readonly testInputs: number
  open(): Promise<OpenTarget>
}

export interface OpenTarget extends Partial<AsyncDisposable> {
  readonly corpus: readonly Uint8Array[]
  readonly pieces?: readonly Uint8Array[]
  /**
   * Puts right what only keeps damage out, such as checksums, in some of the inputs: what stands behind it is meant for bytes that were
   * damaged before they were sealed, or for somebody who lies.
   */
  readonly repair?: (input: Uint8Array, random: FuzzRandom) => Uint8Array
  /** Throws, or rejects, for anything that is neither a result nor a refusal as it is documented. */
  feed(input: Uint8Array): Outcome | Promise<Outcome>
  /** What one input may allocate, whatever it says of itself. */
  readonly allocationBytesMax: number
  /** What one input may take of the processor's time. */
  readonly timeMsMax?: number
  /** Whether an input that took too long or too much may be fed again, to see whether that was chance. Default: yes. */
  readonly isRepeatable?: boolean
  /** Whether it still serves those who do nothing wrong. Called now and then, and at the end. */
  check?(): Promise<void>
}

/** `read` gives something, or throws a HarmonyError with one of these codes. */
export function refusal(error: unknown, codes: readonly string[]): Outcome {
  if (error instanceof HarmonyError && codes.includes(error.code) && error.message.length > 0)
    return 'refused'
  throw error
}

/** A new folder, in memory where the machine has such a file system: syncs cost nothing there. */
export function fuzzFolder(): string {
  return mkdtempSync(`${existsSync('/dev/shm') ? '/dev/shm' : tmpdir()}/harmonydb-fuzz-`)
}

/** For corpora that are texts. */
export function utf8(...texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => new TextEncoder().encode(text))
}
