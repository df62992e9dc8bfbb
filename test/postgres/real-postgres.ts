/**
 * A PostgreSQL 15 of its own for comparison, where one is installed: a temporary cluster on a Unix socket, run by the user `postgres` when
 * the tests run as root (PostgreSQL refuses to).
 */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const BINARIES = '/usr/lib/postgresql/15/bin'

export interface RealPostgres extends AsyncDisposable {
  /** For node-postgres. */
  readonly options: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly database: string
  }
}

export function isPostgresInstalled(): boolean {
  return existsSync(join(BINARIES, 'postgres'))
}

export async function openRealPostgres(): Promise<RealPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-real-postgres-'))
  const as = process.getuid?.() === 0 ? userIds() : {}
  chmodSync(folder, 0o777)
  const data = join(folder, 'data')
  execFileSync(
    join(BINARIES, 'initdb'),
    ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'],
    {
      ...as,
      cwd: folder,
      stdio: 'ignore',
    },
  )
  const settings = ['fsync=off', 'timezone=UTC', 'listen_addresses=', `unix_socket_directories=${folder}`]
  const server = spawn(
    join(BINARIES, 'postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    { ...as, cwd: folder, stdio: 'ignore' },
  )
  await waitForSocket(folder, server)
  return {
    options: { host: folder, port: 5432, user: 'tester', database: 'postgres' },
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGINT')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function userIds(): { uid: number; gid: number } {
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

async function waitForSocket(folder: string, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 2400; attempt++) {
    if (server.exitCode !== null) throw new Error(`postgres ended with code ${server.exitCode}`)
    try {
      execFileSync(join(BINARIES, 'pg_isready'), ['-q', '-h', folder])
      return
    } catch {
      await pause(50)
    }
  }
  throw new Error('postgres did not start')
}
