/**
 * What becomes of a machine's SQLite files, which are real, when it crashes:
 * - the process is killed: files are as SQLite left them, WAL included, whatever was in the middle of being done;
 * - the power fails: whatever SQLite did not sync may be lost, so a file may go back to the last checkpoint that the
 *   group was told about. The log must have the rest.
 */

import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { Random } from '../random.ts'

interface FileImage {
  readonly main: Uint8Array | null
  readonly wal: Uint8Array | null
}

/** What a file is certain to have after a power cut. */
interface DurableImage extends FileImage {
  /** The file that it is of: another one of the same name was put there whole and synced. */
  readonly inode: number
}

const WAL = '-wal'

function imageOf(path: string): FileImage {
  return { main: bytesOf(path), wal: bytesOf(path + WAL) }
}

function bytesOf(path: string): Uint8Array | null {
  return existsSync(path) ? readFileSync(path) : null
}

function restore(path: string, { main, wal }: FileImage): void {
  rmSync(`${path}-shm`, { force: true })
  for (const [name, bytes] of [
    [path, main],
    [path + WAL, wal],
  ] as const) {
    if (bytes === null) rmSync(name, { force: true })
    else writeFileSync(name, bytes)
  }
}

function inodeOf(path: string): number {
  return existsSync(path) ? statSync(path).ino : 0
}

/** The durable content of a machine's SQLite files; it outlives processes. */
export class SqliteFiles {
  readonly #durable = new Map<string, DurableImage>()

  /** Before an engine opens it: a file that is not there is lost in a power cut until its first checkpoint. */
  opening(path: string): boolean {
    return !existsSync(path)
  }

  created(path: string): void {
    this.#durable.set(path, { inode: inodeOf(path), main: null, wal: null })
  }

  checkpointed(path: string): void {
    this.#durable.set(path, { inode: inodeOf(path), ...imageOf(path) })
  }

  /** Some files keep everything, the others go back to what is certain. */
  losePower(random: Random): void {
    for (const [path, image] of this.#durable) {
      const isSame = image.inode === inodeOf(path)
      if (isSame && random.chance(0.7)) restore(path, image)
    }
  }
}

/**
 * Calls `close`, which ends the last connections to these files as the end of a process does: the files stay as they are. SQLite would tidy
 * up when it closes the last one.
 */
export function closeAsKilled(paths: readonly string[], close: () => void): void {
  const images = new Map(paths.map((path) => [path, imageOf(path)]))
  close()
  for (const [path, image] of images) restore(path, image)
}
