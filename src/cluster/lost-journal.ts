/**
 * What a member does whose journal is damaged: the journal is shared by all groups and holds votes and acknowledgements that others count on. Who has
 * lost them must not come back as its old self, so the member puts everything aside and joins its cluster anew, under a fresh
 * number, at the address where it replaces its old one. (Raft assumes that disks do not forget: Figure 2, "persistent state".)
 *
 * ```
 * 1. identity: isLost       from now on nobody starts from what is in the folder, whatever crash comes
 * 2. journal, databases     moved to damaged-TIME/, file by file; a start in between goes on here
 * 3. format: another token  the cluster knows the old one as that of the old number
 * 4. identity: isPutAside   further starts ask under the same token, or each would be a newcomer that replaces the one before
 * 5. join                   by the addresses of the others; overwrites identity
 * ```
 *
 * Only with two others or more: of two members, neither can decide anything without the other's journal, so an operator has to.
 */

import { HarmonyError } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import type { DataFolder } from './data-folder.ts'
import type { MemberIdentity } from './identity.ts'

const OTHERS_MIN = 2
const FOLDERS = ['journal', 'databases'] as const

/** Whether this member, whose journal could not be opened for this reason, may join its cluster anew. */
export function canJoinAnew(error: unknown, { peers }: MemberIdentity): boolean {
  return error instanceof HarmonyError && error.code === 'DATA_CORRUPT' && peers.length >= OTHERS_MIN
}

/** Steps 2 and 3. May be repeated. Gives the folder where everything is now. */
export async function putAside(folder: DataFolder, disk: Disk, clock: Clock): Promise<string> {
  const time = new Date(clock.wallTimeMs()).toISOString().replaceAll(/[:.]/g, '-')
  const aside = `${folder.path}/damaged-${time}`
  for (const name of FOLDERS) await moveFiles(disk, `${folder.path}/${name}`, `${aside}/${name}`)
  await folder.renewToken()
  return aside
}

async function moveFiles(disk: Disk, from: string, to: string): Promise<void> {
  await disk.createFolder(from)
  const names = await disk.list(from)
  if (names.length === 0) return
  await disk.createFolder(to)
  for (const name of names) await disk.rename(`${from}/${name}`, `${to}/${name}`)
  await disk.syncFolder(to)
  await disk.syncFolder(from)
}
