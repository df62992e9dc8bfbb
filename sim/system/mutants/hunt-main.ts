/**
 * Runs inside a patched copy: tries seeds until one fails or the budget is used up, and prints what happened as one line of JSON.
 * Arguments: focus, first seed, number of seeds, seconds of processor time.
 */

import { Violation } from '../../checkers/checker.ts'
import type { HuntResult } from '../../mutants/hunt-result.ts'
import { secondsUsed } from '../../mutants/seconds-used.ts'
import { runSystem } from '../run.ts'
import { focused, isFocus } from './focus.ts'

async function hunt(focus: string, first: number, count: number, secondsMax: number): Promise<HuntResult> {
  if (!isFocus(focus)) throw new Error(`there is no focus ${focus}`)
  let seeds = 0
  while (seeds < count && secondsUsed() < secondsMax) {
    const seed = first + seeds
    seeds += 1
    const { failure } = await runSystem({ seed, recording: false, adjust: focused(focus) })
    if (failure === null) continue
    const by = failure instanceof Violation ? failure.checker : `assertion (${failure.name})`
    const message = failure.message.split('\n')[0] ?? ''
    return { killed: true, seeds, seconds: secondsUsed(), by, seed, message }
  }
  return { killed: false, seeds, seconds: secondsUsed(), by: '', seed: 0, message: '' }
}

const [focus, first, count, seconds] = process.argv.slice(2)
console.log(JSON.stringify(await hunt(focus ?? '', Number(first), Number(count), Number(seconds))))
