/**
 * A disk for a fuzzer whose input is one file: that file really is on the machine's disk, because SQLite is to open it, and is written by calls that
 * block; everything else is in memory. A fuzzer does nothing else meanwhile, and of what an input took, most was the way to the pool of
 * threads and back, thirty times. What `SystemDisk` does is not what is fuzzed.
 */

import * as fs from 'node:fs'
import type { Disk, DiskFile } from '../../src/host/disk.ts'
import { MemoryDisk } from '../../src/host/memory-disk.ts'

export class BlockingDisk extends MemoryDisk implements Disk {
  readonly #real: string

  /** `real` is the path of the one file. */
  constructor(real: string) {
    super()
    this.#real = real
  }

  override async open(path: string): Promise<DiskFile> {
    return path === this.#real ? new BlockingFile(path, fs.openSync(path, 'r+')) : super.open(path)
  }

  override async create(path: string): Promise<DiskFile> {
    return path === this.#real ? new BlockingFile(path, fs.openSync(path, 'w+')) : super.create(path)
  }

  override async exists(path: string): Promise<boolean> {
    return path === this.#real ? fs.existsSync(path) : super.exists(path)
  }

  override async remove(path: string): Promise<void> {
    if (path === this.#real) fs.rmSync(path, { force: true })
    else await super.remove(path)
  }
}

class BlockingFile implements DiskFile {
  readonly path: string
  readonly #descriptor: number

  constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
  }

  async read(position: number, sizeBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(sizeBytes)
    return bytes.subarray(0, fs.readSync(this.#descriptor, bytes, 0, sizeBytes, position))
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;)
      done += fs.writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done)
  }

  async sync(): Promise<void> {
    fs.fdatasyncSync(this.#descriptor)
  }

  async writeDurable(position: number, bytes: Uint8Array): Promise<void> {
    await this.write(position, bytes)
    await this.sync()
  }

  async allocate(sizeBytes: number): Promise<void> {
    fs.ftruncateSync(this.#descriptor, sizeBytes)
  }

  async truncate(sizeBytes: number): Promise<void> {
    fs.ftruncateSync(this.#descriptor, sizeBytes)
  }

  async sizeBytes(): Promise<number> {
    return fs.fstatSync(this.#descriptor).size
  }

  async close(): Promise<void> {
    fs.closeSync(this.#descriptor)
  }
}
