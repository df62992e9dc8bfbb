/** The data folder of a member: who it belongs to and where things are in it. DESIGN.md has the layout. */

import { HarmonyError } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import { readWhole, replaceWhole } from '../host/disk.ts'
import type { FolderLock } from '../host/folder-lock.ts'
import type { Random } from '../host/random.ts'

/**
 * 1: of a single member that knew no cluster. 2: the file `identity` says which member this is, and the journal is written by Raft; a
 * version that does not know this must not touch it.
 */
export const DATA_FORMAT_VERSION = 2

const FORMAT_FILE = 'format'
/** What may be in a folder that is about to become a data folder. */
const IGNORED_FILES: ReadonlySet<string> = new Set(['lock', 'lock.owner', 'format.tmp', 'lost+found'])

/** The content of the file `format`. */
export interface FolderFormat {
  readonly format: number
  /** Random; by it a cluster knows a folder that asks twice for a number. */
  readonly member: string
  readonly createdAt: string
}

export interface DataFolderOptions {
  readonly folder: string
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly lock: (folder: string) => FolderLock
}

export class DataFolder {
  readonly path: string
  readonly #options: DataFolderOptions
  readonly #lock: FolderLock
  #format: FolderFormat

  /** Makes the folder if it is missing or empty. Rejects with DATA_LOCKED, FORMAT_TOO_NEW, DATA_CORRUPT, DISK_FULL or DISK_FAILED. */
  static async open(options: DataFolderOptions): Promise<DataFolder> {
    const { folder, disk } = options
    await disk.createFolder(folder)
    const lock = options.lock(folder)
    try {
      const format = (await readFormat(options)) ?? (await initialize(options))
      const databases = `${folder}/databases`
      await disk.createFolder(databases)
      await disk.syncFolder(folder)
      // SQLite makes the names of its files durable with the first sync of a WAL that it has made; a process that was killed before left that undone.
      await disk.syncFolder(databases)
      return new DataFolder(options, format, lock)
    } catch (error) {
      lock.release()
      throw error
    }
  }

  private constructor(options: DataFolderOptions, format: FolderFormat, lock: FolderLock) {
    this.path = options.folder
    this.#options = options
    this.#format = format
    this.#lock = lock
  }

  get format(): FolderFormat {
    return this.#format
  }

  /** It has data of a version that knew no cluster: a single member, which is member 1 from now on. */
  get isUsed(): boolean {
    return this.#format.format === 1
  }

  /** The file `identity` is there: from now on only versions that know it may open the folder. */
  async markMember(): Promise<void> {
    if (this.#format.format === DATA_FORMAT_VERSION) return
    this.#format = { ...this.#format, format: DATA_FORMAT_VERSION }
    await writeFormat(this.#options, this.#format)
  }

  /** For a folder that joins a cluster once more, as another member. */
  async renewToken(): Promise<void> {
    this.#format = { ...this.#format, member: newToken(this.#options.random) }
    await writeFormat(this.#options, this.#format)
  }

  get journalFolder(): string {
    return `${this.path}/journal`
  }

  get databasesFolder(): string {
    return `${this.path}/databases`
  }

  dataFile(name: string, group: number): string {
    return `${this.path}/databases/${name}.${group}.sqlite`
  }

  close(): void {
    this.#lock.release()
  }
}

async function readFormat({ folder, disk }: DataFolderOptions): Promise<FolderFormat | null> {
  const path = `${folder}/${FORMAT_FILE}`
  const bytes = await readWhole(disk, path)
  if (bytes === null) return null
  const format = parseFormat(bytes)
  if (format === null) {
    throw new HarmonyError(
      'DATA_CORRUPT',
      `The file ${path} is damaged. Restore the data folder from a backup.`,
    )
  }
  if (format.format > DATA_FORMAT_VERSION) {
    throw new HarmonyError(
      'FORMAT_TOO_NEW',
      `The data folder ${folder} has format version ${format.format}; this version of HarmonyDB reads up to ` +
        `${DATA_FORMAT_VERSION}. Start the version that wrote it, or a later one.`,
    )
  }
  return format
}

function parseFormat(bytes: Uint8Array): FolderFormat | null {
  try {
    const parsed = JSON.parse(new TextDecoder().decode(bytes)) as Partial<FolderFormat> | null
    return Number.isSafeInteger(parsed?.format) ? (parsed as FolderFormat) : null
  } catch {
    return null
  }
}

async function initialize(options: DataFolderOptions): Promise<FolderFormat> {
  const { folder, disk, clock, random } = options
  const strangers = (await disk.list(folder)).filter((name) => !IGNORED_FILES.has(name))
  if (strangers.length > 0) {
    throw new HarmonyError(
      'DATA_CORRUPT',
      `The folder ${folder} is not empty and is no data folder of HarmonyDB (it has ${strangers.slice(0, 3).join(', ')}` +
        ' and no file named format). Choose an empty or a new folder.',
    )
  }
  const format: FolderFormat = {
    format: DATA_FORMAT_VERSION,
    member: newToken(random),
    createdAt: new Date(clock.wallTimeMs()).toISOString(),
  }
  await writeFormat(options, format)
  return format
}

function newToken(random: Random): string {
  return Buffer.from(random.bytes(8)).toString('hex')
}

async function writeFormat({ folder, disk }: DataFolderOptions, format: FolderFormat): Promise<void> {
  const text = `${JSON.stringify(format, null, 2)}\n`
  await replaceWhole(disk, folder, FORMAT_FILE, new TextEncoder().encode(text))
}
