/** Peers that are libraries, called in the load process: better-sqlite3, libSQL, lmdb where they are installed, and `node:sqlite` always. */

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { temporaryFolder } from '../programs.ts'
import type { Endpoint, Target } from '../target.ts'

const SQLITE = 'WAL, synchronous=FULL (fsync at each commit); one connection'

/** Throws if it is not installed. */
function findModule(name: string, folder: string): string {
  try {
    return createRequire(join(folder, 'package.json')).resolve(name)
  } catch {
    throw new Error(`not installed (npm package ${name}, looked for from ${folder})`)
  }
}

function library(
  name: string,
  title: string,
  durability: string,
  endpoint: Endpoint,
  isConcurrent: boolean,
): Target {
  return {
    name,
    title,
    isOurs: false,
    durability,
    endpoint,
    setUpAt: endpoint,
    processes: [],
    isConcurrent,
    close: () => Promise.resolve(),
  }
}

export function nodeSqliteTarget(): Target {
  const file = join(temporaryFolder('sqlite'), 'data.db')
  return library('sqlite', 'node:sqlite in process', SQLITE, { kind: 'node-sqlite', file }, false)
}

export function sqliteLibraryTarget(name: 'better-sqlite3' | 'libsql', peersFolder: string): Target {
  const module = findModule(name, peersFolder)
  const file = join(temporaryFolder(name), 'data.db')
  const title = name === 'libsql' ? 'libSQL file, in process' : 'better-sqlite3 in process'
  return library(name, title, SQLITE, { kind: 'sqlite-library', library: name, module, file }, false)
}

export function lmdbTarget(peersFolder: string): Target {
  const module = findModule('lmdb', peersFolder)
  const folder = join(temporaryFolder('lmdb'), 'data')
  const durability = 'each write awaited until it is flushed to disk'
  return library('lmdb', 'lmdb in process', durability, { kind: 'lmdb', module, folder }, true)
}
