/** PostgreSQL, where it is installed: a temporary cluster on loopback with its own defaults (fsync and synchronous_commit on). */

import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findPostgresPrograms, freeAddress, runProgram, temporaryFolder } from '../programs.ts'
import type { Endpoint, Target } from '../target.ts'

const CONNECTIONS_MAX = 1_100

/** PostgreSQL refuses to run as root: then its programs run as the user `postgres`. */
function command(program: string, args: readonly string[]): readonly [string, readonly string[]] {
  const isRoot = process.getuid?.() === 0
  const asPostgres = ['--reuid=postgres', '--regid=postgres', '--clear-groups', program, ...args]
  return isRoot ? ['setpriv', asPostgres] : [program, args]
}

export async function postgresTarget(): Promise<Target> {
  const bin = findPostgresPrograms()
  if (bin === null) throw new Error('not installed (initdb is not on the PATH)')
  const folder = temporaryFolder('postgres')
  chmodSync(folder, 0o777)
  const address = await freeAddress()
  const data = join(folder, 'data')
  const cluster = ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--no-locale']
  await runProgram(...command(join(bin, 'initdb'), cluster))
  const settings = `-p ${address.port} -k ${folder} -c listen_addresses=${address.host} -c max_connections=${CONNECTIONS_MAX}`
  const start = ['-D', data, '-w', '-l', join(folder, 'log'), '-o', settings, 'start']
  execFileSync(...startCommand(bin, start), { stdio: 'ignore' })
  const stop = (): void => {
    execFileSync(...startCommand(bin, ['-D', data, '-m', 'immediate', 'stop']), { stdio: 'ignore' })
  }
  process.once('exit', stop)
  const endpoint: Endpoint = {
    kind: 'postgres',
    addresses: [address],
    database: 'postgres',
    dialect: 'postgres',
  }
  const version = (await runProgram(join(bin, 'postgres'), ['--version'])).split(' ')[2]?.trim() ?? ''
  return {
    name: 'postgres',
    title: `PostgreSQL ${version}`,
    isOurs: false,
    durability:
      'fsync=on, synchronous_commit=on (WAL flushed before each acknowledgement); transactions are serializable',
    endpoint,
    setUpAt: endpoint,
    processes: [{ name: 'PostgreSQL', pid: postmaster(data) }],
    isConcurrent: true,
    close: () => {
      process.removeListener('exit', stop)
      return Promise.resolve(stop())
    },
  }
}

function startCommand(bin: string, args: readonly string[]): [string, readonly string[]] {
  const [program, all] = command(join(bin, 'pg_ctl'), args)
  return [program, all]
}

function postmaster(data: string): number {
  return Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
}
