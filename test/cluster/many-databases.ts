/**
 * `node test/cluster/many-databases.ts --databases 1000`: makes many databases in a cluster of four, writes to each, lets them rest, and
 * measures what an idle member costs.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Cluster, until } from './cluster.ts'
import { insist, type Row } from './load.ts'

export function databaseName(at: number): string {
  return `shop-${at}`
}

/** Through all members in turn, a few at a time. */
export async function makeDatabases(cluster: Cluster, count: number, width = 8): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const url = cluster.url(at % cluster.indexes.length)
      await create(url, databaseName(at))
      // A new database may change its leader just then.
      await insist(
        url,
        'CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)',
        [],
        databaseName(at),
      )
      await insist(url, 'INSERT OR IGNORE INTO items VALUES (1, ?)', [databaseName(at)], databaseName(at))
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}

async function create(url: string, name: string): Promise<void> {
  await until(`the database ${name} is made`, async () => {
    const response = await fetch(`${url}/v1/databases`, { method: 'POST', body: JSON.stringify({ name }) })
    const text = await response.text()
    // When the leader of the catalog changes nobody knows whether it was made; who asks again is told that it is there.
    if (response.ok || text.includes('DATABASE_EXISTS')) return true
    if (response.status >= 500) return false
    throw new Error(`POST /v1/databases ${name}: ${response.status} ${text}`)
  })
}

/** What a member reads in a database that was made through another. */
export function itemsOf(cluster: Cluster, member: number, at: number): Promise<Row[]> {
  return insist(cluster.url(member), 'SELECT id, name FROM items', [], databaseName(at))
}

/** Resolves when no group exchanges anything any more. */
export async function untilAsleep(cluster: Cluster): Promise<void> {
  await until('all groups sleep', async () => {
    const states = await Promise.all(cluster.indexes.map((index) => cluster.state(index)))
    return states.every(({ groups }) => groups.every(({ isAsleep, failure }) => isAsleep || failure !== null))
  })
}

/** How many groups each member leads, by number. */
export async function leadersOf(cluster: Cluster): Promise<Map<number | null, number>> {
  const counts = new Map<number | null, number>()
  for (const { leader } of (await cluster.state(0)).groups) counts.set(leader, (counts.get(leader) ?? 0) + 1)
  return counts
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      databases: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '20' },
    },
  })
  const count = Number(values.databases)
  const seconds = Number(values.seconds)
  await using cluster = await Cluster.start({ members: 4 })
  const beganMs = performance.now()
  await makeDatabases(cluster, count)
  console.log(`${count} databases made and written to in ${Math.round(performance.now() - beganMs)} ms`)
  await untilAsleep(cluster)
  console.log(`groups led, by member number: ${JSON.stringify(Object.fromEntries(await leadersOf(cluster)))}`)
  // Engines of databases that rest are closed after a minute.
  await sleep(65_000)
  const before = cluster.indexes.map((index) => cluster.cpuTimeMs(index))
  await sleep(seconds * 1000)
  for (const index of cluster.indexes) {
    const usedMs = cluster.cpuTimeMs(index) - (before[index] ?? 0)
    const percent = ((usedMs / (seconds * 1000)) * 100).toFixed(2)
    const mebibytes = Math.round(cluster.memory(index).ownBytes / 2 ** 20)
    console.log(`member ${index}: ${percent} % of a core while idle, ${mebibytes} MiB with its engines`)
  }
}

if (import.meta.main) await main()
