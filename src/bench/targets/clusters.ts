/** Peers that replicate by Raft, where their programs are on the PATH: etcd and rqlite, alone or as three members on loopback. */

import { join } from 'node:path'
import { findProgram, freeAddress, isOk, runProgram, ServerProcess, temporaryFolder } from '../programs.ts'
import type { Endpoint, SocketAddress, Target } from '../target.ts'

function text({ host, port }: SocketAddress): string {
  return `${host}:${port}`
}

interface Running {
  readonly processes: readonly ServerProcess[]
  readonly clients: readonly SocketAddress[]
}

async function startAll(
  name: string,
  count: number,
  pathOfHealth: string,
  start: (index: number, clients: readonly SocketAddress[], peers: readonly SocketAddress[]) => ServerProcess,
): Promise<Running> {
  const indexes = Array.from({ length: count }, (_, index) => index)
  const clients = await Promise.all(indexes.map(freeAddress))
  const peers = await Promise.all(indexes.map(freeAddress))
  const processes = indexes.map((index) => start(index, clients, peers))
  await Promise.all(
    processes.map((process, index) =>
      process.untilReady((signal) =>
        isOk(`http://${text(clients[index] as SocketAddress)}${pathOfHealth}`, signal),
      ),
    ),
  )
  return { processes, clients }
}

function targetOf(
  name: string,
  title: string,
  durability: string,
  { processes }: Running,
  endpoint: Endpoint,
): Target {
  return {
    name: `${name}-${processes.length}`,
    title: `${title}, ${processes.length === 1 ? '1 member' : `${processes.length} members`}`,
    isOurs: false,
    durability,
    endpoint,
    setUpAt: endpoint,
    processes: processes.map(({ pid }, index) => ({ name: `${name} ${index + 1}`, pid })),
    isConcurrent: true,
    close: async () => void (await Promise.all(processes.map((process) => process.stop()))),
  }
}

export async function etcdTarget(count: number): Promise<Target> {
  const program = findProgram('etcd')
  if (program === null) throw new Error('not installed (etcd is not on the PATH)')
  const folder = temporaryFolder('etcd')
  const running = await startAll('etcd', count, '/health', (index, clients, peers) => {
    const client = `http://${text(clients[index] as SocketAddress)}`
    const peer = `http://${text(peers[index] as SocketAddress)}`
    const all = peers.map((address, at) => `member-${at}=http://${text(address)}`)
    return new ServerProcess('etcd', program, [
      `--name=member-${index}`,
      `--data-dir=${join(folder, `member-${index}`)}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${all.join(',')}`,
      '--initial-cluster-state=new',
      '--log-level=error',
    ])
  })
  const version = /etcd Version: (\S+)/.exec(await runProgram(program, ['--version']))?.[1] ?? ''
  const where = count === 1 ? '' : 'at a majority '
  return targetOf(
    'etcd',
    `etcd ${version}, gRPC`,
    `fdatasync ${where}before each acknowledgement; reads are linearizable`,
    running,
    { kind: 'etcd', addresses: running.clients },
  )
}

export async function rqliteTarget(count: number): Promise<Target> {
  const program = findProgram('rqlited')
  if (program === null) throw new Error('not installed (rqlited is not on the PATH)')
  const folder = temporaryFolder('rqlite')
  const running = await startAll('rqlite', count, '/readyz', (index, clients, peers) => {
    return new ServerProcess('rqlite', program, [
      `-node-id=${index + 1}`,
      `-http-addr=${text(clients[index] as SocketAddress)}`,
      `-raft-addr=${text(peers[index] as SocketAddress)}`,
      ...(count === 1 ? [] : [`-bootstrap-expect=${count}`, `-join=${peers.map(text).join(',')}`]),
      join(folder, `member-${index}`),
    ])
  })
  const where = count === 1 ? '' : 'at a majority '
  return targetOf(
    'rqlite',
    'rqlite, HTTP',
    `fsync of the log ${where}before each acknowledgement; reads are linearizable`,
    running,
    { kind: 'rqlite', urls: running.clients.map((address) => `http://${text(address)}`) },
  )
}
