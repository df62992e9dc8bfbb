/** A disk whose journal is in memory, where it can be crashed, and whose other files are real, because SQLite opens them by itself. */

import type { Disk, DiskFile } from '../../host/disk.ts'
import type { MemoryDisk } from '../../host/memory-disk.ts'
import { SystemDisk } from '../../host/system-disk.ts'

export const JOURNAL_FOLDER = '/journal'

export class SplitDisk implements Disk {
  readonly #memory: MemoryDisk
  readonly #system = new SystemDisk()

  constructor(memory: MemoryDisk) {
    this.#memory = memory
  }

  open(path: string): Promise<DiskFile> {
    return this.#of(path).open(path)
  }

  create(path: string): Promise<DiskFile> {
    return this.#of(path).create(path)
  }

  exists(path: string): Promise<boolean> {
    return this.#of(path).exists(path)
  }

  sizeBytesOf(path: string): Promise<number> {
    return this.#of(path).sizeBytesOf(path)
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#of(folder).list(folder)
  }

  createFolder(path: string): Promise<void> {
    return this.#of(path).createFolder(path)
  }

  rename(from: string, to: string): Promise<void> {
    return this.#of(from).rename(from, to)
  }

  remove(path: string): Promise<void> {
    return this.#of(path).remove(path)
  }

  syncFolder(path: string): Promise<void> {
    return this.#of(path).syncFolder(path)
  }

  #of(path: string): Disk {
    return path.startsWith(JOURNAL_FOLDER) ? this.#memory : this.#system
  }
}
