/** HarmonyDB: one member or several, started as a user starts them, over each protocol; and embedded in the load process. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freeAddress, ServerProcess, temporaryFolder } from '../programs.ts'
import type { Endpoint, SocketAddress, Target } from '../target.ts'

const MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../cli/main.ts' : '../../cli/main.js', import.meta.url),
)
const DATABASE = 'default'
const READS = 'reads are linearizable'

export type Protocol = 'ws' | 'http' | 'pg'

const PROTOCOL_NAMES: Readonly<Record<Protocol, string>> = {
  ws: 'Hrana WebSocket',
  http: 'Hrana HTTP',
  pg: 'PostgreSQL',
}

export interface Members {
  readonly processes: readonly ServerProcess[]
  readonly http: readonly SocketAddress[]
  readonly postgres: readonly SocketAddress[]
}

export async function startMembers(count: number): Promise<Members> {
  const folder = temporaryFolder('members')
  const indexes = Array.from({ length: count }, (_, index) => index)
  const http = await Promise.all(indexes.map(freeAddress))
  const postgres = await Promise.all(indexes.map(freeAddress))
  const peers = (await Promise.all(indexes.map(freeAddress))).map(text)
  const secretFile = join(folder, 'secret')
  writeFileSync(secretFile, 'only for this benchmark, on this machine\n', { mode: 0o600 })
  const cluster = (index: number): readonly string[] =>
    count === 1
      ? []
      : [
          `--peer-listen=${peers[index]}`,
          `--peers=${peers.join(',')}`,
          `--bootstrap-expect=${count}`,
          `--cluster-secret-file=${secretFile}`,
        ]
  const processes = indexes.map((index) => {
    const data = ['--data', join(folder, `member-${index + 1}`)]
    const listen = ['--http', text(http[index]), '--pg', text(postgres[index])]
    const args = [MAIN, 'start', ...data, ...listen, ...cluster(index)]
    return new ServerProcess(`Member ${index + 1}`, process.execPath, args)
  })
  await Promise.all(
    processes.map((process, index) => process.untilReady((signal) => answers(text(http[index]), signal))),
  )
  return { processes, http, postgres }
}

function text(address: SocketAddress | undefined): string {
  return address === undefined ? '' : `${address.host}:${address.port}`
}

/** It serves, and its database has a leader. */
async function answers(address: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(`http://${address}/v1/databases/${DATABASE}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql: 'SELECT 1' }),
    signal,
  })
  await response.body?.cancel()
  return response.ok
}

export async function stopMembers({ processes }: Members): Promise<void> {
  await Promise.all(processes.map((process) => process.stop()))
}

export function memberTarget(members: Members, protocol: Protocol, close: () => Promise<void>): Target {
  const count = members.processes.length
  const urls = members.http.map((address) => `http://${text(address)}`)
  return {
    name: `${count}-${protocol}`,
    title: `HarmonyDB, ${count === 1 ? '1 member' : `${count} members`}, ${PROTOCOL_NAMES[protocol]}`,
    isOurs: true,
    durability: `fdatasync ${count === 1 ? '' : 'at a majority '}before each acknowledgement; ${READS}`,
    endpoint: endpointOf(members, protocol, urls),
    setUpAt: { kind: 'hrana-http', urls: urls.slice(0, 1) },
    processes: members.processes.map(({ pid }, index) => ({ name: `member ${index + 1}`, pid })),
    isConcurrent: true,
    close,
  }
}

function endpointOf(members: Members, protocol: Protocol, urls: readonly string[]): Endpoint {
  switch (protocol) {
    case 'ws':
      return { kind: 'hrana-websocket', urls }
    case 'http':
      return { kind: 'hrana-http', urls }
    case 'pg':
      return { kind: 'postgres', addresses: members.postgres, database: DATABASE, dialect: 'sqlite' }
  }
}

export function embeddedTarget(): Target {
  const endpoint: Endpoint = { kind: 'embedded', folder: join(temporaryFolder('embedded'), 'data') }
  return {
    name: 'embedded',
    title: 'HarmonyDB, embedded',
    isOurs: true,
    durability: "fdatasync before each acknowledgement; reads see all of this process's writes",
    endpoint,
    setUpAt: endpoint,
    processes: [],
    isConcurrent: true,
    close: () => Promise.resolve(),
  }
}
