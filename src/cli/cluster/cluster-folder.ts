/**
 * The folder of a cluster on one machine:
 *
 *     cluster.json         how many members, and their ports
 *     lock                 held by the process that shows the cluster, if one does
 *     secret               what members prove to each other that they know; readable by its owner only
 *     member-0/pid         process id of the running member, or of the last one
 *     member-0/log         what it printed
 *     member-0/data/       its data folder, as `harmonydb start` makes it
 *
 * The cluster starts again from it with the same addresses, which its catalog has written down.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BASE_PORT_DEFAULT, MEMBERS_DEFAULT, type ClusterOptions } from './cluster-options.ts'
import { UsageError } from '../usage-error.ts'

const FORMAT_VERSION = 1
const SETTINGS_FILE = 'cluster.json'
const SECRET_FILE = 'secret'
const SECRET_SIZE_BYTES = 32
const OWNER_ONLY = 0o600
const OWNER_ONLY_FOLDER = 0o700
const HOST = '127.0.0.1'

interface Settings {
  readonly format: number
  readonly members: number
  readonly basePort: number
}

/** Where one member is and what it is started with. */
export interface MemberPlace {
  /** From 0, as the folder and the ports count; the member's number in the cluster is another one. */
  readonly index: number
  readonly folder: string
  readonly pidFile: string
  readonly logFile: string
  readonly dataFolder: string
  readonly httpUrl: string
  readonly postgresUrl: string
  /** `HOST:PORT` for the other members. */
  readonly peerAddress: string
  /** Behind `harmonydb`. */
  readonly startArguments: readonly string[]
}

export interface ClusterFolder {
  readonly path: string
  readonly members: readonly MemberPlace[]
}

/** Makes the folder, or opens it. Throws UsageError where the options contradict what it has. */
export function openClusterFolder(options: ClusterOptions): ClusterFolder {
  const { folder } = options
  const before = readSettings(folder)
  if (before === null && options.action.kind !== 'run') {
    throw new UsageError(`There is no cluster in ${folder} yet. Make one without --start and --stop.`)
  }
  const settings = agreeOn(options, before)
  mkdirSync(folder, { recursive: true, mode: OWNER_ONLY_FOLDER })
  makeSecret(join(folder, SECRET_FILE))
  if (settings.members !== before?.members)
    writeFileSync(join(folder, SETTINGS_FILE), `${JSON.stringify(settings, null, 2)}\n`)
  return placesOf(folder, settings)
}

function readSettings(folder: string): Settings | null {
  const path = join(folder, SETTINGS_FILE)
  if (!existsSync(path)) {
    refuseStrangers(folder)
    return null
  }
  const settings = JSON.parse(readFileSync(path, 'utf8')) as Settings
  if (settings.format === FORMAT_VERSION) return settings
  throw new UsageError(
    `${path} has format version ${settings.format}, which this version does not know. Start the version that wrote it.`,
  )
}

/** What a cluster without settings would overwrite, or what belongs to a member that was started by itself. Other files are nobody's concern. */
function refuseStrangers(folder: string): void {
  const names = existsSync(folder) ? readdirSync(folder) : []
  const stranger = names.find((name) => name === 'format' || name.startsWith('member-'))
  if (stranger === undefined) return
  const what = stranger === 'format' ? 'is the data folder of a single member' : `has ${stranger} already`
  throw new UsageError(`${folder} ${what}, and no ${SETTINGS_FILE}. Choose an empty or a new folder.`)
}

function agreeOn(options: ClusterOptions, before: Settings | null): Settings {
  const basePort = options.basePort ?? before?.basePort ?? BASE_PORT_DEFAULT
  const members = options.members ?? before?.members ?? MEMBERS_DEFAULT
  if (before !== null && basePort !== before.basePort) {
    throw new UsageError(
      `The cluster in ${options.folder} has the base port ${before.basePort}, which its members know each other by. ` +
        'Leave --base-port away, or make another cluster in another folder.',
    )
  }
  if (before !== null && members < before.members) {
    throw new UsageError(
      `The cluster in ${options.folder} has ${before.members} members. To take one out for good: harmonydb member remove NUMBER.`,
    )
  }
  checkIndex(options, members)
  return { format: FORMAT_VERSION, members, basePort }
}

function checkIndex({ action }: ClusterOptions, members: number): void {
  if (action.kind === 'run' || action.index < members) return
  throw new UsageError(
    `There is no member ${action.index}: this cluster has the members 0 to ${members - 1}.`,
  )
}

/** Written whole or not at all: a member must never start with half of it. */
function makeSecret(path: string): void {
  try {
    const text = `${randomBytes(SECRET_SIZE_BYTES).toString('base64url')}\n`
    writeFileSync(path, text, { mode: OWNER_ONLY, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function placesOf(path: string, { members, basePort }: Settings): ClusterFolder {
  const indexes = Array.from({ length: members }, (_, index) => index)
  const peers = indexes.map((index) => `${HOST}:${basePort + 10 * index + 2}`)
  const secretFile = join(path, SECRET_FILE)
  return {
    path,
    members: indexes.map((index) => placeOf(path, index, basePort, peers, secretFile)),
  }
}

function placeOf(
  path: string,
  index: number,
  basePort: number,
  peers: readonly string[],
  secretFile: string,
): MemberPlace {
  const folder = join(path, `member-${index}`)
  const dataFolder = join(folder, 'data')
  const http = `${HOST}:${basePort + 10 * index}`
  const postgres = `${HOST}:${basePort + 10 * index + 1}`
  const peerAddress = peers[index] ?? ''
  return {
    index,
    folder,
    pidFile: join(folder, 'pid'),
    logFile: join(folder, 'log'),
    dataFolder,
    httpUrl: `http://${http}`,
    postgresUrl: `postgres://${postgres}/default`,
    peerAddress,
    startArguments: [
      'start',
      ...option('name', `member-${index}`),
      ...option('data', dataFolder),
      ...option('http', http),
      ...option('pg', postgres),
      ...option('peer-listen', peerAddress),
      ...option('peers', peers.join(',')),
      ...option('bootstrap-expect', String(peers.length)),
      ...option('cluster-secret-file', secretFile),
    ],
  }
}

function option(name: string, value: string): readonly string[] {
  return [`--${name}`, value]
}
