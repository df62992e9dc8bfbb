/** Named mixes of faults. `swarm` draws everything; the others make some kind of trouble likely. */

import type { Random } from '../random.ts'
import { drawOptions } from './options.ts'
import type { ClusterOptions } from './options.ts'

const PROFILES = {
  swarm: (options: ClusterOptions): ClusterOptions => options,
} as const

export type ProfileName = keyof typeof PROFILES

export function isProfileName(name: string): name is ProfileName {
  return Object.hasOwn(PROFILES, name)
}

export function drawProfile(name: ProfileName, random: Random): ClusterOptions {
  return PROFILES[name](drawOptions(random))
}
