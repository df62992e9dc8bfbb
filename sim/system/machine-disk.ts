/**
 * A machine's disk as one process sees it: every operation takes simulated time, may find the disk stalled, slow or full, and
 * never ends once the process is gone.
 *
 * The journal and the small files of the data folder are in memory and forget in a power cut what a real disk may forget
 * (`host/memory-disk.ts`). The databases' folder is real, because SQLite opens files by path.
 */

import type { Disk, DiskFile } from '../../src/host/disk.ts'
import { toDiskError } from '../../src/host/disk.ts'
import type { MemoryDisk } from '../../src/host/memory-disk.ts'
import type { Random } from '../random.ts'
import type { RealFiles } from './real-files.ts'
import type { Release } from './release.ts'
import { fromDisk, toDisk } from './release.ts'
import type { Process, World } from './world.ts'

export interface DiskSpeed {
  readonly readUs: number
  readonly writeUs: number
  readonly syncUs: number
}

/** What is wrong with a machine's disk now; it outlives processes. */
export interface DiskTrouble {
  /** Every operation takes so many times as long. */
  slowness: number
  /** No operation ends until it is over. */
  isStalled: boolean
  /** Writes fail as on a full disk. */
  isFull: boolean
}

/** With no trouble: how a machine begins, and what every fault of a disk is taken back to. */
export const SOUND_DISK: Readonly<DiskTrouble> = { slowness: 1, isStalled: false, isFull: false }

/** Where the folder of databases is in a data folder. */
const REAL_FOLDER = /\/databases(\/|$)/

type Kind = 'read' | 'write' | 'sync'

export class MachineDisk implements Disk {
  readonly #world: World
  readonly #process: Process
  readonly #memory: MemoryDisk
  readonly #real: RealFiles
  readonly #speed: DiskSpeed
  readonly #trouble: DiskTrouble
  readonly #random: Random
  readonly release: Release

  constructor(
    world: World,
    process: Process,
    parts: {
      memory: MemoryDisk
      real: RealFiles
      speed: DiskSpeed
      trouble: DiskTrouble
      random: Random
      release: Release
    },
  ) {
    this.#world = world
    this.#process = process
    this.#memory = parts.memory
    this.#real = parts.real
    this.#speed = parts.speed
    this.#trouble = parts.trouble
    this.#random = parts.random
    this.release = parts.release
  }

  async open(path: string): Promise<DiskFile> {
    await this.turn('read', path)
    return new MachineFile(this, await this.#of(path).open(path))
  }

  async create(path: string): Promise<DiskFile> {
    await this.turn('write', path)
    return new MachineFile(this, await this.#of(path).create(path))
  }

  async exists(path: string): Promise<boolean> {
    return this.#of(path).exists(path)
  }

  async sizeBytesOf(path: string): Promise<number> {
    return this.#of(path).sizeBytesOf(path)
  }

  async list(folder: string): Promise<readonly string[]> {
    return this.#of(folder).list(folder)
  }

  async createFolder(path: string): Promise<void> {
    await this.#of(path).createFolder(path)
    if (REAL_FOLDER.test(path)) await this.#memory.createFolder(path)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.turn('write', from)
    await this.#of(from).rename(from, to)
  }

  async remove(path: string): Promise<void> {
    await this.turn('write', path)
    await this.#of(path).remove(path)
  }

  async syncFolder(path: string): Promise<void> {
    await this.turn('sync', path)
    await this.#of(path).syncFolder(path)
  }

  /** As long as an operation takes. Rejects with DISK_FULL for writes to a full disk, with nothing done. */
  async turn(kind: Kind, path: string, grows: boolean = false): Promise<void> {
    const { readUs, writeUs, syncUs } = this.#speed
    const usualUs = kind === 'read' ? readUs : kind === 'write' ? writeUs : syncUs
    await this.#pass(usualUs * this.#trouble.slowness * this.#random.between(0.5, 1.5))
    while (this.#trouble.isStalled) await this.#pass(STALL_POLL_US)
    if (kind === 'sync') this.#world.note('durable', this.#process.machine, 0, 0, () => path)
    if (grows && this.#trouble.isFull) throw toDiskError({ code: 'ENOSPC' }, 'write', path)
  }

  #pass(delayUs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#world.after(this.#process, delayUs, resolve)
    return promise
  }

  #of(path: string): Disk {
    return REAL_FOLDER.test(path) ? this.#real : this.#memory
  }
}

const STALL_POLL_US = 10_000

class MachineFile implements DiskFile {
  readonly path: string
  readonly #disk: MachineDisk
  readonly #file: DiskFile

  constructor(disk: MachineDisk, file: DiskFile) {
    this.path = file.path
    this.#disk = disk
    this.#file = file
  }

  async read(position: number, sizeBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    await this.#disk.turn('read', this.path)
    return fromDisk(this.#disk.release, this.path, position, await this.#file.read(position, sizeBytes))
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    await this.#disk.turn('write', this.path, position + bytes.length > (await this.#file.sizeBytes()))
    await this.#file.write(position, toDisk(this.#disk.release, this.path, position, bytes))
  }

  async sync(): Promise<void> {
    await this.#disk.turn('sync', this.path)
    await this.#file.sync()
  }

  /** In two steps, so that a crash may come between them. */
  async writeDurable(position: number, bytes: Uint8Array): Promise<void> {
    await this.write(position, bytes)
    await this.sync()
  }

  async allocate(sizeBytes: number): Promise<void> {
    await this.#disk.turn('sync', this.path, true)
    await this.#file.allocate(sizeBytes)
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#disk.turn('write', this.path)
    await this.#file.truncate(sizeBytes)
  }

  async sizeBytes(): Promise<number> {
    return this.#file.sizeBytes()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}
