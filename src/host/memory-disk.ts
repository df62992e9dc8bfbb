/**
 * A disk in memory that forgets what a real one may forget. `crash` gives the disk as a machine could find it after a power cut:
 * every sector of every write that was not synced is there or not, each by chance, and so is every
 * change of a folder that was not synced. Faults can be planted before any operation.
 */

import { assert, must } from '../base/assert.ts'
import type { Disk, DiskFile } from './disk.ts'
import { toDiskError } from './disk.ts'
import type { Random } from './random.ts'

export const SECTOR_BYTES = 512

export type DiskOperation =
  | {
      readonly kind: 'read' | 'write' | 'sync' | 'allocate' | 'truncate' | 'create' | 'remove'
      readonly path: string
    }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'sync-folder'; readonly path: string }

/** A file's content: what programs see, and which of it would survive a crash for certain. */
interface Content {
  seen: Uint8Array<ArrayBuffer>
  durable: Uint8Array<ArrayBuffer>
  /** Sectors written since the last sync, each with every version that the disk may have kept. */
  readonly unsynced: Map<number, Uint8Array<ArrayBuffer>[]>
}

type FolderChange =
  | { readonly kind: 'link'; readonly path: string; readonly content: Content }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly content: Content }

export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Content>()
  readonly #folders = new Set<string>(['/'])
  #durableFiles = new Map<string, Content>()
  #folderChanges: FolderChange[] = []
  /** Called before every operation; what it throws is what the operation fails with, with nothing done. */
  beforeOperation: (operation: DiskOperation) => void | Promise<void> = () => {}
  /** Total size that files may have; beyond it writes fail as on a full disk. */
  capacityBytes: number = Number.POSITIVE_INFINITY

  open(path: string): Promise<DiskFile> {
    return this.operate({ kind: 'read', path }, () => {
      const content = this.#files.get(path)
      if (content === undefined) throw toDiskError({ code: 'ENOENT' }, 'open', path)
      return new MemoryFile(this, path, content)
    })
  }

  create(path: string): Promise<DiskFile> {
    return this.operate({ kind: 'create', path }, () => {
      const content: Content = { seen: new Uint8Array(), durable: new Uint8Array(), unsynced: new Map() }
      this.#files.set(path, content)
      this.#folderChanges.push({ kind: 'link', path, content })
      return new MemoryFile(this, path, content)
    })
  }

  async exists(path: string): Promise<boolean> {
    return this.#files.has(path) || this.#folders.has(path)
  }

  async sizeBytesOf(path: string): Promise<number> {
    return this.#files.get(path)?.seen.length ?? 0
  }

  async list(folder: string): Promise<readonly string[]> {
    const paths = [...this.#files.keys(), ...this.#folders]
    return paths
      .filter((path) => path !== folder && folderOf(path) === folder)
      .map((path) => path.slice(folder.length + 1))
      .sort()
  }

  async createFolder(path: string): Promise<void> {
    for (let folder = path; folder !== ''; folder = folderOf(folder)) this.#folders.add(folder)
  }

  rename(from: string, to: string): Promise<void> {
    return this.operate({ kind: 'rename', path: from, to }, () => {
      const content = must(this.#files.get(from), `no file ${from}`)
      this.#files.delete(from)
      this.#files.set(to, content)
      this.#folderChanges.push({ kind: 'rename', from, to, content })
    })
  }

  remove(path: string): Promise<void> {
    return this.operate({ kind: 'remove', path }, () => {
      if (this.#files.delete(path)) this.#folderChanges.push({ kind: 'unlink', path })
    })
  }

  syncFolder(path: string): Promise<void> {
    return this.operate({ kind: 'sync-folder', path }, () => {
      const [synced, others] = partition(this.#folderChanges, (change) => folderOf(pathOf(change)) === path)
      for (const change of synced) applyChange(this.#durableFiles, change)
      this.#folderChanges = others
    })
  }

  /** The disk as it may be found after a power cut now. This one stays as it is. */
  crash(random: Random): MemoryDisk {
    const links = new Map(this.#durableFiles)
    // A file system's own journal keeps changes in order: some first part of them survives.
    const survivors = random.integer(this.#folderChanges.length + 1)
    for (const change of this.#folderChanges.slice(0, survivors)) applyChange(links, change)
    const after = new MemoryDisk()
    for (const folder of this.#folders) after.#folders.add(folder)
    for (const [path, content] of links) after.plant(path, contentAfterCrash(content, random))
    return after
  }

  /** Puts a file there, durable, whatever was there before. */
  plant(path: string, bytes: Uint8Array): void {
    const content = { seen: bytes.slice(), durable: bytes.slice(), unsynced: new Map() }
    this.#files.set(path, content)
    this.#durableFiles.set(path, content)
  }

  /** A file's bytes as programs see them. */
  bytesOf(path: string): Uint8Array<ArrayBuffer> {
    return must(this.#files.get(path), `no file ${path}`).seen.slice()
  }

  paths(): string[] {
    return [...this.#files.keys()].sort()
  }

  /** For the files of this disk only: does `effect`, unless a fault was planted before it. Nothing comes between the two. */
  async operate<T>(operation: DiskOperation, effect: () => T, growthBytes: number = 0): Promise<T> {
    // Real calls answer in a later turn of the event loop; what depends on the order must notice here too.
    await Promise.resolve()
    const stall = this.beforeOperation(operation)
    if (stall !== undefined) await stall
    if (growthBytes > 0 && this.#usedBytes() + growthBytes > this.capacityBytes) {
      throw toDiskError({ code: 'ENOSPC' }, operation.kind, operation.path)
    }
    return effect()
  }

  #usedBytes(): number {
    return this.#files.values().reduce((sum, content) => sum + content.seen.length, 0)
  }
}

class MemoryFile implements DiskFile {
  readonly path: string
  readonly #disk: MemoryDisk
  readonly #content: Content

  constructor(disk: MemoryDisk, path: string, content: Content) {
    this.#disk = disk
    this.path = path
    this.#content = content
  }

  read(position: number, sizeBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#disk.operate({ kind: 'read', path: this.path }, () =>
      this.#content.seen.slice(position, position + sizeBytes),
    )
  }

  write(position: number, bytes: Uint8Array): Promise<void> {
    const end = position + bytes.length
    const growthBytes = Math.max(0, end - this.#content.seen.length)
    const effect = () => {
      this.#content.seen = resized(this.#content.seen, Math.max(end, this.#content.seen.length))
      this.#content.seen.set(bytes, position)
      this.#rememberSectors(position, end)
    }
    return this.#disk.operate({ kind: 'write', path: this.path }, effect, growthBytes)
  }

  sync(): Promise<void> {
    return this.#disk.operate({ kind: 'sync', path: this.path }, () => {
      this.#content.durable = this.#content.seen.slice()
      this.#content.unsynced.clear()
    })
  }

  async writeDurable(position: number, bytes: Uint8Array): Promise<void> {
    await this.write(position, bytes)
    await this.sync()
  }

  allocate(sizeBytes: number): Promise<void> {
    const growthBytes = Math.max(0, sizeBytes - this.#content.seen.length)
    const effect = () => {
      this.#content.seen = new Uint8Array(sizeBytes)
      this.#content.durable = new Uint8Array(sizeBytes)
      this.#content.unsynced.clear()
    }
    return this.#disk.operate({ kind: 'allocate', path: this.path }, effect, growthBytes)
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#disk.operate({ kind: 'truncate', path: this.path }, () => {
      this.#content.seen = resized(this.#content.seen, sizeBytes)
    })
  }

  async sizeBytes(): Promise<number> {
    return this.#content.seen.length
  }

  async close(): Promise<void> {}

  #rememberSectors(start: number, end: number): void {
    const first = Math.floor(start / SECTOR_BYTES)
    for (let sector = first; sector * SECTOR_BYTES < end; sector++) {
      const at = sector * SECTOR_BYTES
      const versions = this.#content.unsynced.get(sector) ?? []
      versions.push(this.#content.seen.slice(at, at + SECTOR_BYTES))
      this.#content.unsynced.set(sector, versions)
    }
  }
}

/** Each unsynced sector is as it was before, or as one of the writes since then left it. */
function contentAfterCrash(content: Content, random: Random): Uint8Array {
  const grew = content.seen.length > content.durable.length && random.float() < 0.5
  const sizeBytes = grew ? content.seen.length : Math.min(content.durable.length, content.seen.length)
  const bytes = resized(content.durable, sizeBytes)
  for (const [sector, versions] of content.unsynced) {
    const choice = random.integer(versions.length + 1)
    const at = sector * SECTOR_BYTES
    const chosen = versions[choice]
    if (chosen !== undefined && at < sizeBytes) bytes.set(chosen.subarray(0, sizeBytes - at), at)
  }
  return bytes
}

function applyChange(files: Map<string, Content>, change: FolderChange): void {
  switch (change.kind) {
    case 'link':
      files.set(change.path, change.content)
      return
    case 'unlink':
      files.delete(change.path)
      return
    case 'rename':
      files.delete(change.from)
      files.set(change.to, change.content)
  }
}

function pathOf(change: FolderChange): string {
  return change.kind === 'rename' ? change.to : change.path
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function resized(bytes: Uint8Array<ArrayBuffer>, sizeBytes: number): Uint8Array<ArrayBuffer> {
  assert(sizeBytes >= 0, 'a size is not negative')
  const copy = new Uint8Array(sizeBytes)
  copy.set(bytes.subarray(0, sizeBytes))
  return copy
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}
