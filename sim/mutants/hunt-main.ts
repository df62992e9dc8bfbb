/**
 * Runs inside a patched copy: tries seeds until one fails or the budget is used up, and prints what happened as
 * one line of JSON. Arguments: profile, first seed, number of seeds, seconds of processor time.
 */

import { Violation } from '../checkers/checker.ts'
import { isProfileName } from '../cluster/profiles.ts'
import { runSeed } from '../run.ts'
import type { HuntResult } from './hunt-result.ts'
import { secondsUsed } from './seconds-used.ts'

function hunt(profile: string, first: number, count: number, secondsMax: number): HuntResult {
  if (!isProfileName(profile)) throw new Error(`there is no profile ${profile}`)
  let seeds = 0
  while (seeds < count && secondsUsed() < secondsMax) {
    const seed = first + seeds
    seeds += 1
    const { failure } = runSeed({ seed, profile, recording: false })
    if (failure === null) continue
    const by = failure instanceof Violation ? failure.checker : `assertion (${failure.name})`
    const message = failure.message.split('\n')[0] ?? ''
    return { killed: true, seeds, seconds: secondsUsed(), by, seed, message }
  }
  return { killed: false, seeds, seconds: secondsUsed(), by: '', seed: 0, message: '' }
}

const [profile, first, count, seconds] = process.argv.slice(2)
console.log(JSON.stringify(hunt(profile ?? '', Number(first), Number(count), Number(seconds))))
