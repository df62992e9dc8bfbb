/**
 * The databases that are open on this member, kept as the catalog says: opened when they appear there, and deleted with their files
 * when they are gone from it.
 */

import { type HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { Disk } from '../host/disk.ts'
import { removeDataFiles } from '../group/data-files.ts'
import type { DatabaseGroup } from '../group/database-group.ts'
import type { InitialMembers } from '../group/group-start.ts'
import { NotLeaderError } from '../group/leadership.ts'
import { databaseNotFound } from './catalog.ts'
import type { DatabaseRow } from './catalog-reader.ts'
import type { RoutedDatabase } from './routing/routed-database.ts'

export interface OpenDatabase {
  readonly row: DatabaseRow
  readonly group: DatabaseGroup
  /** What gateways get: the same object for as long as the database lives. */
  readonly routed: RoutedDatabase
}

export interface DatabasesOptions {
  readonly disk: Disk
  /** Where the SQLite files of databases are. */
  readonly folder: string
  readonly open: (row: DatabaseRow, initial: InitialMembers | null) => DatabaseGroup
  readonly route: (group: DatabaseGroup) => RoutedDatabase
  readonly onOpen: (group: DatabaseGroup) => void
  readonly onClose: (group: number) => void
  /** It could not be opened. */
  readonly onFailure: (row: DatabaseRow, error: Error) => void
}

/** Copies that were received in part have names that go on after that. */
const DATA_FILE = /^[a-z0-9][a-z0-9_-]*\.(\d+)\.sqlite(-incoming(-record)?)?$/

export class Databases {
  readonly #options: DatabasesOptions
  readonly #byName = new Map<string, OpenDatabase>()
  readonly #byGroup = new Map<number, OpenDatabase>()
  /** Why groups could not be opened, at the last try. */
  readonly #failures = new Map<number, HarmonyError>()

  constructor(options: DatabasesOptions) {
    this.#options = options
  }

  get(name: string): OpenDatabase | undefined {
    return this.#byName.get(name)
  }

  /** Throws why it can't be used on this member, by the rows of a catalog that is new enough to tell. */
  find(name: string, rows: readonly DatabaseRow[]): OpenDatabase {
    const open = this.#byName.get(name)
    if (open !== undefined) return open
    const row = rows.find((one) => one.name === name && one.state === 'open')
    if (row === undefined) throw databaseNotFound(name)
    throw (
      this.#failures.get(row.group) ??
      new NotLeaderError(name, null, ' Its replica was moved to other members.')
    )
  }

  byGroup(group: number): OpenDatabase | undefined {
    return this.#byGroup.get(group)
  }

  all(): OpenDatabase[] {
    return [...this.#byGroup.values()]
  }

  /** Opens what is new and deletes what is gone. One call after another. */
  async reconcile(rows: readonly DatabaseRow[]): Promise<void> {
    const wanted = new Map(rows.filter(({ state }) => state === 'open').map((row) => [row.group, row]))
    const gone = this.all().filter(({ row }) => !wanted.has(row.group))
    // A name that is free again may be taken by another group in the same state of the catalog.
    for (const { row } of gone) this.#forget(row)
    for (const group of this.#failures.keys()) if (!wanted.has(group)) this.#failures.delete(group)
    for (const row of wanted.values()) if (!this.#byGroup.has(row.group)) this.#tryAdd(row)
    await Promise.all(gone.map((open) => this.#delete(open.group)))
  }

  /** The group went on without this member, and its files are gone. It may be given another replica. */
  removed(group: number, mayReturn: boolean): void {
    const open = this.#byGroup.get(group)
    if (open === undefined) return
    this.#forget(open.row)
    if (mayReturn) this.#add(open.row, null)
  }

  /** Files of databases that have no row. */
  async orphans(rows: readonly DatabaseRow[]): Promise<readonly string[]> {
    const { disk, folder } = this.#options
    const known = groupsOf(rows)
    return (await disk.list(folder)).filter((file) => {
      const group = Number(DATA_FILE.exec(file)?.[1])
      return group > 0 && !known.has(group)
    })
  }

  /** Deletes the databases of these files, but for those that have a row. `rows` is newer than the files (`orphans.ts`). */
  async deleteOrphans(files: readonly string[], rows: readonly DatabaseRow[]): Promise<void> {
    const { disk, folder, open } = this.#options
    const known = groupsOf(rows)
    for (const file of files) {
      // Some may have been deleted since.
      if (!(await disk.exists(`${folder}/${file}`))) continue
      const group = Number(DATA_FILE.exec(file)?.[1])
      if (known.has(group) || this.#byGroup.has(group)) continue
      known.add(group)
      const name = file.slice(0, file.indexOf('.'))
      const row: DatabaseRow = { group, name, state: 'dropping', initialVoters: [], initialLearners: [] }
      await this.#delete(open(row, null))
    }
  }

  /** One that can't be opened keeps no other from it. */
  #tryAdd(row: DatabaseRow): void {
    try {
      this.#add(row, initialOf(row))
      this.#failures.delete(row.group)
    } catch (error) {
      this.#failures.set(row.group, toHarmonyError(error))
      this.#options.onFailure(row, error as Error)
    }
  }

  #add(row: DatabaseRow, initial: InitialMembers | null): void {
    const { open, route, onOpen } = this.#options
    const group = open(row, initial)
    const database = { row, group, routed: route(group) }
    this.#byName.set(row.name, database)
    this.#byGroup.set(row.group, database)
    onOpen(group)
  }

  #forget({ name, group }: DatabaseRow): void {
    this.#byGroup.delete(group)
    if (this.#byName.get(name)?.row.group === group) this.#byName.delete(name)
    this.#options.onClose(group)
  }

  /** The log first: a file without its log is found and deleted later, a log without its file would stay. */
  async #delete(group: DatabaseGroup): Promise<void> {
    await group.drop()
    await removeDataFiles(this.#options.disk, group.dataFile)
  }
}

function groupsOf(rows: readonly DatabaseRow[]): Set<number> {
  return new Set(rows.map(({ group }) => group))
}

function initialOf({ initialVoters, initialLearners }: DatabaseRow): InitialMembers {
  return { voters: initialVoters, learners: initialLearners }
}
