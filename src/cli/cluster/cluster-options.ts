/** Options of `harmonydb cluster`. */

import { resolve } from 'node:path'
import { parseOptions, type Environment, type OptionSpec } from '../options.ts'
import { UsageError } from '../usage-error.ts'

export const CLUSTER_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'members',
    placeholder: 'N',
    variable: null,
    default: '4, or as before',
    help: 'How many members. With a number larger than before, new members join the cluster.',
  },
  {
    name: 'data',
    placeholder: 'FOLDER',
    variable: null,
    default: './harmony-cluster',
    help: 'Folder for the data of all members. The same folder is the same cluster.',
  },
  {
    name: 'base-port',
    placeholder: 'P',
    variable: null,
    default: '8080, or as before',
    help: 'Member I serves HTTP on P+10·I, PostgreSQL on P+10·I+1 and the other members on P+10·I+2.',
  },
  {
    name: 'start',
    placeholder: 'I',
    variable: null,
    default: null,
    help: 'Start only member I in the background, wait until it serves, and leave.',
  },
  {
    name: 'stop',
    placeholder: 'I',
    variable: null,
    default: null,
    help: 'Stop only member I, which hands over what it leads first, and leave.',
  },
]

export const MEMBERS_DEFAULT = 4
const MEMBERS_MAX = 10
export const BASE_PORT_DEFAULT = 8080
const PORT_MAX = 65_535

export type ClusterAction =
  | { readonly kind: 'run' }
  | { readonly kind: 'start'; readonly index: number }
  | { readonly kind: 'stop'; readonly index: number }

export interface ClusterOptions {
  readonly folder: string
  /** Null: as the folder has it, else the default. */
  readonly members: number | null
  readonly basePort: number | null
  readonly action: ClusterAction
}

/** Throws UsageError. */
export function parseClusterOptions(args: readonly string[], environment: Environment): ClusterOptions {
  const options = parseOptions(CLUSTER_OPTIONS, args, environment, 0)
  const number = (name: string, least: number, most: number): number | null =>
    readNumber(name, options.text(name), least, most)
  return {
    folder: resolve(options.text('data') ?? './harmony-cluster'),
    members: number('members', 1, MEMBERS_MAX),
    basePort: number('base-port', 1, PORT_MAX - 10 * MEMBERS_MAX),
    action: actionOf(number('start', 0, MEMBERS_MAX - 1), number('stop', 0, MEMBERS_MAX - 1)),
  }
}

function actionOf(start: number | null, stop: number | null): ClusterAction {
  if (start !== null && stop !== null) throw new UsageError('--start and --stop exclude each other.')
  if (start !== null) return { kind: 'start', index: start }
  return stop === null ? { kind: 'run' } : { kind: 'stop', index: stop }
}

function readNumber(name: string, text: string | null, least: number, most: number): number | null {
  if (text === null) return null
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new UsageError(
    `--${name} is ${JSON.stringify(text)}; it must be a whole number from ${least} to ${most}.`,
  )
}
