/** Members of one cluster in the process of a test. */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { HarmonyDB, OpenOptions } from '../open.ts'
import { open } from '../open.ts'

/**
 * Each in a folder below `folder` that is named for its place. After the test they are closed, those included that were opened when another one
 * was not, and then `folder` is removed: not before, since what they wait for may be in there.
 */
export function openMembers(
  t: TestContext,
  folder: string,
  options: readonly OpenOptions[],
): Promise<HarmonyDB[]> {
  const opening = options.map((each, at) => open(join(folder, String(at)), each))
  t.after(async () => {
    const opened = await Promise.allSettled(opening)
    const members = opened.filter((each) => each.status === 'fulfilled').map((each) => each.value)
    await Promise.all(members.map((db) => db.close()))
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return Promise.all(opening)
}
