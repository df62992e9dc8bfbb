/**
 * What the last life of a member left in the folder of its databases: an exchange of files in the middle, a copy received in part, copies
 * for others. Brought in order before any group is opened.
 *
 * | a crash found                                                  | afterwards                                                     |
 * | -------------------------------------------------------------- | -------------------------------------------------------------- |
 * | `-incoming` and no record                                      | deleted: nobody knows what it is                               |
 * | record `receiving`                                             | cut to what is durable; the next attempt of a sender goes on there |
 * | record `installing`                                            | the exchange is carried out (again), record `installed`        |
 * | record `installed`                                             | stays, so that the group can see whether its log begins there  |
 * | `-replacing`, `-outgoing-N`, unfinished records, SQLite's files beside copies | deleted                                         |
 */

import { dirname } from 'node:path'
import { unreachable } from '../../base/assert.ts'
import type { Disk } from '../../host/disk.ts'
import { replaceFile } from '../../engine/file-replacement.ts'
import { INCOMING_SUFFIX, RECORD_SUFFIX } from './file-names.ts'
import type { IncomingRecord } from './incoming-record.ts'
import { readRecord, writeRecord } from './incoming-record.ts'

const GARBAGE =
  /\.sqlite-(replacing|outgoing-\d+(-journal|-wal|-shm)?|incoming-(wal|shm|journal)|incoming-record\.tmp)$/

/** Gives the records of those databases that have one, by their file. Rejects with DATA_CORRUPT, FORMAT_TOO_NEW or what the disk says. */
export async function settleLeftovers(
  disk: Disk,
  folder: string,
): Promise<ReadonlyMap<string, IncomingRecord>> {
  const records = new Map<string, IncomingRecord>()
  const names = await disk.list(folder)
  for (const name of names.filter((name) => name.endsWith(RECORD_SUFFIX))) {
    const dataFile = `${folder}/${name.slice(0, -RECORD_SUFFIX.length)}`
    const record = await settle(disk, dataFile)
    if (record !== null) records.set(dataFile, record)
  }
  for (const name of names) {
    const isUnknown =
      name.endsWith(INCOMING_SUFFIX) && !names.includes(name.replace(INCOMING_SUFFIX, RECORD_SUFFIX))
    if (isUnknown || GARBAGE.test(name)) await disk.remove(`${folder}/${name}`)
  }
  return records
}

async function settle(disk: Disk, dataFile: string): Promise<IncomingRecord | null> {
  const record = await readRecord(disk, dataFile)
  if (record === null) return null
  switch (record.state) {
    case 'installed':
      return record
    case 'installing':
      return finishInstallation(disk, dataFile, record)
    case 'receiving':
      return cutToDurable(disk, dataFile, record)
    default:
      return unreachable(record.state)
  }
}

/** From `installing` on, the copy takes the place of the file. Called again after a failure until it succeeds. */
export async function finishInstallation(
  disk: Disk,
  dataFile: string,
  record: IncomingRecord,
): Promise<IncomingRecord> {
  await replaceFile(disk, dataFile + INCOMING_SUFFIX, dataFile)
  const installed: IncomingRecord = { ...record, state: 'installed' }
  await writeRecord(disk, dataFile, installed)
  return installed
}

/** Null, and everything removed, where less is there than was durable. */
async function cutToDurable(
  disk: Disk,
  dataFile: string,
  record: IncomingRecord,
): Promise<IncomingRecord | null> {
  const path = dataFile + INCOMING_SUFFIX
  if ((await disk.sizeBytesOf(path)) < record.syncedBytes || record.syncedBytes === 0) {
    await forgetIncoming(disk, dataFile)
    return null
  }
  const file = await disk.open(path)
  try {
    await file.truncate(record.syncedBytes)
  } finally {
    await file.close()
  }
  return record
}

/** The record first: a file without one is deleted at the next start. */
export async function forgetIncoming(disk: Disk, dataFile: string): Promise<void> {
  await disk.remove(dataFile + RECORD_SUFFIX)
  await disk.remove(dataFile + INCOMING_SUFFIX)
  await disk.syncFolder(dirname(dataFile))
}
