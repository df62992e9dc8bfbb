/** What the SQLite files have when everything is at rest, as any SQLite tool would see it. */

import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { SqlValue } from '../../src/base/value.ts'
import { contentDigest } from '../../src/engine/content-digest.ts'
import { readAppliedState } from '../../src/engine/snapshot.ts'
import { Violation } from '../checkers/checker.ts'
import type { FinalContent } from './workloads/workload.ts'

/** One database's file on one machine. */
export interface ReplicaFile {
  readonly machine: number
  readonly database: string
  readonly group: number
  readonly dataFile: string
}

function openFile(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, readBigInts: true, returnArrays: true })
}

/** Throws where a file is not sound, or one replica differs from another. */
export function checkReplicas(replicas: readonly ReplicaFile[]): void {
  for (const replica of replicas) checkIntegrity(replica)
  for (const files of Map.groupBy(replicas, ({ database }) => database).values()) checkEqual(files)
}

export function contentOf({ dataFile }: ReplicaFile): FinalContent {
  return {
    rows: (sql) => {
      const database = openFile(dataFile)
      try {
        return database.prepare(sql).all() as unknown as SqlValue[][]
      } finally {
        database.close()
      }
    },
  }
}

function checkIntegrity({ dataFile, database, machine }: ReplicaFile): void {
  const file = openFile(dataFile)
  try {
    const problems = file.prepare('PRAGMA integrity_check').all() as unknown as string[][]
    if (problems.length === 1 && problems[0]?.[0] === 'ok') return
    throw new Violation(
      'sound files',
      `${database} on machine ${machine}: ${problems.slice(0, 5).flat().join('; ')}`,
      {
        members: [machine],
      },
    )
  } finally {
    file.close()
  }
}

interface Fingerprint {
  readonly content: string
  readonly chain: string
  readonly index: bigint
  /** Idempotency keys and what is told to whoever brings one again. */
  readonly keys: string
}

function fingerprint({ dataFile }: ReplicaFile): Fingerprint {
  const file = openFile(dataFile)
  try {
    const { digest, index } = readAppliedState(dataFile)
    return { content: hex(contentDigest(file)), chain: hex(digest), index, keys: keysOf(file) }
  } finally {
    file.close()
  }
}

function checkEqual(replicas: readonly ReplicaFile[]): void {
  const prints = replicas.map((replica) => ({ replica, ...fingerprint(replica) }))
  const first = prints[0]
  for (const other of prints.slice(1)) {
    if (first === undefined) continue
    if (other.keys !== first.keys) {
      throw new Violation(
        'equal replicas',
        `${first.replica.database}: machine ${first.replica.machine} knows other idempotency keys than machine ${other.replica.machine}`,
        { members: [first.replica.machine, other.replica.machine] },
      )
    }
    if (other.content === first.content && other.chain === first.chain) continue
    throw new Violation(
      'equal replicas',
      `${first.replica.database} differs between machine ${first.replica.machine} (index ${first.index}, content ` +
        `${first.content.slice(0, 12)}, chain ${first.chain.slice(0, 12)}) and machine ${other.replica.machine} (index ` +
        `${other.index}, content ${other.content.slice(0, 12)}, chain ${other.chain.slice(0, 12)})`,
      { members: [first.replica.machine, other.replica.machine] },
    )
  }
}

function keysOf(file: DatabaseSync): string {
  const rows = file.prepare('SELECT key, outcome FROM _harmony_idempotency ORDER BY key').all()
  const hash = createHash('sha256')
  for (const [key, outcome] of rows as unknown as [string, Uint8Array][]) hash.update(key).update(outcome)
  return hash.digest('hex')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
