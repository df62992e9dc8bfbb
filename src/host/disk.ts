/**
 * Files as the layers above need them, and no more: every operation that can be lost in a crash is a call of its own, so
 * that a simulator can crash between any two of them.
 *
 * What survives a crash, by POSIX and by what file systems do:
 * - written bytes: only after `sync` or `writeDurable`; before it, any of the sectors of any of the writes;
 * - a file created, renamed or removed: only after `syncFolder` of its folder.
 *
 * Failures are HarmonyErrors: DISK_FULL (no space, quota, file size limit) or DISK_FAILED.
 */

import { HarmonyError } from '../base/errors.ts'

export interface DiskFile {
  readonly path: string
  /** As many of `sizeBytes` bytes from `position` as the file has. */
  read(position: number, sizeBytes: number): Promise<Uint8Array<ArrayBuffer>>
  /** Writes all of `bytes`, or rejects with any part of them written. The caller leaves `bytes` alone until then. */
  write(position: number, bytes: Uint8Array): Promise<void>
  /** Makes all earlier writes durable (fdatasync). After a failure nothing is known about any of them. */
  sync(): Promise<void>
  /**
   * `write` and `sync` of these bytes in one call, which is one system call where the machine has it. `mayBlock`: the disk has been quick lately
   * and nobody needs this thread more urgently, so the call may be made on it. That saves the way to another thread and back,
   * which takes more processor time than the write.
   */
  writeDurable(position: number, bytes: Uint8Array, mayBlock?: boolean): Promise<void>
  /**
   * Makes the file `sizeBytes` long, full of zeros in blocks of its own and durable, so that later writes inside
   * it need no space and no change of metadata: 151 µs instead of 255 µs for a durable write.
   */
  allocate(sizeBytes: number): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

export interface Disk {
  /** Opens an existing file for reading and writing. */
  open(path: string): Promise<DiskFile>
  /** Creates an empty file, over an existing one too. */
  create(path: string): Promise<DiskFile>
  exists(path: string): Promise<boolean>
  /** Size of a file, without opening it; 0 if there is none. */
  sizeBytesOf(path: string): Promise<number>
  /** Names of the files and folders in a folder, in ascending order. */
  list(folder: string): Promise<readonly string[]>
  /** Creates a folder and its parents where they do not exist. */
  createFolder(path: string): Promise<void>
  /** Atomically replaces `to`. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file; fine when there is none. */
  remove(path: string): Promise<void>
  syncFolder(path: string): Promise<void>
}

const FULL_CODES = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

const ADVICE: Readonly<Record<string, string>> = {
  EEXIST: 'A file of this name is there: choose another path.',
  ENOTDIR: 'A part of this path is a file: choose another path.',
  EACCES: "This process's user may not: look at the owner and the permissions.",
  EPERM: "This process's user may not: look at the owner and the permissions.",
  EROFS: 'The file system is mounted read-only.',
}

/** `error` of the system call that tried to `action` the file as a HarmonyError. */
export function toDiskError(error: unknown, action: string, path: string): HarmonyError {
  if (error instanceof HarmonyError) return error
  const systemCode = (error as NodeJS.ErrnoException).code ?? 'unknown error'
  if (FULL_CODES.has(systemCode)) {
    return new HarmonyError(
      'DISK_FULL',
      `The disk is full: could not ${action} ${path} (${systemCode}). Free space or raise the quota.`,
      { cause: error },
    )
  }
  return new HarmonyError(
    'DISK_FAILED',
    `Could not ${action} ${path} (${systemCode}). ${ADVICE[systemCode] ?? "Check the disk and the file's permissions."}`,
    { cause: error },
  )
}

/** Reads a whole small file; null if there is none. */
export async function readWhole(disk: Disk, path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  if (!(await disk.exists(path))) return null
  const file = await disk.open(path)
  try {
    return await file.read(0, await file.sizeBytes())
  } finally {
    await file.close()
  }
}

/** Replaces a small file as a whole: after a crash it has the old content or the new, never a mixture. */
export async function replaceWhole(
  disk: Disk,
  folder: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const temporary = `${folder}/${name}.tmp`
  const file = await disk.create(temporary)
  try {
    await file.write(0, bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(temporary, `${folder}/${name}`)
  await disk.syncFolder(folder)
}
