/** A disk whose journal is in memory, where it can be crashed, and whose other files are real, because SQLite opens them by itself. */

import type { Disk, DiskFile } from '../../host/disk.ts'
import type { MemoryDisk } from '../../host/memory-disk.ts'
import { SystemDisk } from '../../host/system-disk.ts'

export const JOURNAL_FOLDER = '/journal'

/** What a process has open; nothing any more once it is gone. */
class OpenFiles {
  readonly #files = new Set<DiskFile>()
  #isOver = false

  async add(file: DiskFile): Promise<void> {
    if (!this.#isOver) {
      this.#files.add(file)
      return
    }
    await file.close()
    throw new Error('the process is gone')
  }

  async close(file: DiskFile): Promise<void> {
    if (this.#files.delete(file)) await file.close()
  }

  async closeAll(): Promise<void> {
    this.#isOver = true
    await Promise.all([...this.#files].map((file) => this.close(file).catch(() => {})))
  }
}

export class SplitDisk implements Disk {
  readonly #memory: MemoryDisk
  readonly #system: Disk
  readonly #open = new OpenFiles()

  /** `beforeFile` is called before every change of a real file. What it throws is what the change fails with. */
  constructor(memory: MemoryDisk, beforeFile: (path: string) => void | Promise<void> = () => {}) {
    this.#memory = memory
    this.#system = watched(new SystemDisk(), beforeFile, this.#open)
  }

  /** The process is gone, with what it had open. */
  closeAll(): Promise<void> {
    return this.#open.closeAll()
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

/** `disk`, with `before` called before whatever changes something. */
function watched(disk: Disk, before: (path: string) => void | Promise<void>, open: OpenFiles): Disk {
  const then = async <T>(path: string, change: () => Promise<T>): Promise<T> => {
    await before(path)
    return change()
  }
  const watchedFile = async (opened: Promise<DiskFile>): Promise<DiskFile> => {
    const file = await opened
    await open.add(file)
    return {
      path: file.path,
      read: (position, sizeBytes) => file.read(position, sizeBytes),
      write: (position, bytes) => then(file.path, () => file.write(position, bytes)),
      sync: () => then(file.path, () => file.sync()),
      writeDurable: (position, bytes) => then(file.path, () => file.writeDurable(position, bytes)),
      allocate: (sizeBytes) => then(file.path, () => file.allocate(sizeBytes)),
      truncate: (sizeBytes) => then(file.path, () => file.truncate(sizeBytes)),
      sizeBytes: () => file.sizeBytes(),
      close: () => open.close(file),
    }
  }
  return {
    open: (path) => watchedFile(disk.open(path)),
    create: (path) => then(path, () => watchedFile(disk.create(path))),
    exists: (path) => disk.exists(path),
    sizeBytesOf: (path) => disk.sizeBytesOf(path),
    list: (folder) => disk.list(folder),
    createFolder: (path) => disk.createFolder(path),
    rename: (from, to) => then(from, () => disk.rename(from, to)),
    remove: (path) => then(path, () => disk.remove(path)),
    syncFolder: (path) => then(path, () => disk.syncFolder(path)),
  }
}
