/**
 * The part of a machine's disk that SQLite needs: real files in a folder, changed by synchronous calls only, so that nothing real has
 * to be waited for. Latency and crashes are added around it (`machine-disk.ts`).
 */

import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import type { Disk, DiskFile } from '../../src/host/disk.ts'
import { toDiskError } from '../../src/host/disk.ts'
import type { Random } from '../random.ts'

export class RealFiles implements Disk {
  readonly #open = new Set<RealFile>()
  /** Size that is certain to survive, of files with writes that are not synced. */
  readonly #unsynced = new Map<string, number>()

  async open(path: string): Promise<DiskFile> {
    return this.#handle(path, 'r+')
  }

  async create(path: string): Promise<DiskFile> {
    this.#unsynced.set(path, 0)
    return this.#handle(path, 'w+')
  }

  async exists(path: string): Promise<boolean> {
    return existsSync(path)
  }

  async sizeBytesOf(path: string): Promise<number> {
    return existsSync(path) ? statSync(path).size : 0
  }

  async list(folder: string): Promise<readonly string[]> {
    return readdirSync(folder).sort()
  }

  async createFolder(path: string): Promise<void> {
    mkdirSync(path, { recursive: true })
  }

  async rename(from: string, to: string): Promise<void> {
    renameSync(from, to)
    const unsynced = this.#unsynced.get(from)
    this.#unsynced.delete(from)
    if (unsynced !== undefined) this.#unsynced.set(to, unsynced)
    else this.#unsynced.delete(to)
  }

  async remove(path: string): Promise<void> {
    rmSync(path, { force: true })
    this.#unsynced.delete(path)
  }

  async syncFolder(): Promise<void> {}

  /** The process is gone, with what it had open. */
  closeAll(): void {
    for (const file of this.#open) file.closeNow()
  }

  /** The power fails: of files that were written and not synced, any beginning is left that is not shorter than what was. */
  losePower(random: Random): void {
    for (const [path, sizeBytes] of this.#unsynced) {
      if (!existsSync(path)) continue
      truncateSync(path, random.integer(Math.min(sizeBytes, statSync(path).size), statSync(path).size))
    }
    this.#unsynced.clear()
  }

  wrote(path: string, sizeBytesBefore: number): void {
    if (!this.#unsynced.has(path)) this.#unsynced.set(path, sizeBytesBefore)
  }

  synced(path: string): void {
    this.#unsynced.delete(path)
  }

  closed(file: RealFile): void {
    this.#open.delete(file)
  }

  #handle(path: string, flags: string): RealFile {
    let descriptor: number
    try {
      descriptor = openSync(path, flags)
    } catch (error) {
      throw toDiskError(error, 'open', path)
    }
    const file = new RealFile(this, path, descriptor)
    this.#open.add(file)
    return file
  }
}

class RealFile implements DiskFile {
  readonly path: string
  readonly #files: RealFiles
  readonly #descriptor: number
  #isOpen = true

  constructor(files: RealFiles, path: string, descriptor: number) {
    this.#files = files
    this.path = path
    this.#descriptor = descriptor
  }

  async read(position: number, sizeBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(sizeBytes)
    return bytes.subarray(0, readSync(this.#descriptor, bytes, 0, sizeBytes, position))
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    this.#files.wrote(this.path, fstatSync(this.#descriptor).size)
    writeSync(this.#descriptor, bytes, 0, bytes.length, position)
  }

  async sync(): Promise<void> {
    this.#files.synced(this.path)
  }

  async writeDurable(position: number, bytes: Uint8Array): Promise<void> {
    await this.write(position, bytes)
    await this.sync()
  }

  async allocate(sizeBytes: number): Promise<void> {
    ftruncateSync(this.#descriptor, 0)
    ftruncateSync(this.#descriptor, sizeBytes)
  }

  async truncate(sizeBytes: number): Promise<void> {
    ftruncateSync(this.#descriptor, sizeBytes)
  }

  async sizeBytes(): Promise<number> {
    return fstatSync(this.#descriptor).size
  }

  async close(): Promise<void> {
    this.closeNow()
  }

  closeNow(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.#descriptor)
    this.#files.closed(this)
  }
}
