/**
 * Which state each level reads, on a member that lags behind: for a session, for a request, for a statement. The cluster is played: the leader
 * has acknowledged index 9, this member has applied 3, and applies more only when somebody waits for it.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../base/errors.ts'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import { NO_ARGUMENTS } from '../base/value.ts'
import type { SqlStatement } from '../base/value.ts'
import { parseConsistency } from './consistency.ts'
import type { DatabaseCore } from './core.ts'
import { LocalGateway } from './local-gateway.ts'
import type { DatabaseReader, ReaderFactory, ReadSnapshot, StatementClass } from './reader.ts'
import type { Consistency, ExecuteOptions, Session } from './session.ts'

const ACKNOWLEDGED = 9n

class LaggingCore implements DatabaseCore {
  readonly name = 'app'
  readonly dataFile = '/app.sqlite'
  appliedIndex = 3n
  isCutOff = false
  /** Index of the next write. */
  next = ACKNOWLEDGED + 1n

  onApplied(): () => void {
    return () => undefined
  }

  async submit(): ReturnType<DatabaseCore['submit']> {
    const result = { columns: [], rows: [], changes: 1n, lastInsertRowid: 1n }
    return { kind: 'committed', results: [result], context: INITIAL_CONTEXT, index: this.next++ }
  }

  begin(): ReturnType<DatabaseCore['begin']> {
    throw new Error('not used here')
  }

  async readIndex(): Promise<bigint> {
    if (this.isCutOff) throw new HarmonyError('NOT_LEADER', 'There is no leader.')
    return this.next - 1n
  }

  async waitApplied(index: bigint): Promise<void> {
    if (index <= this.appliedIndex) return
    if (this.isCutOff) throw new HarmonyError('STATEMENT_TIMEOUT', 'Not applied in time.')
    this.appliedIndex = index
  }
}

function classOf(sql: string): StatementClass {
  if (sql.includes('BEGIN')) return { kind: 'control', control: { type: 'begin', mode: 'deferred' } }
  if (sql.includes('COMMIT')) return { kind: 'control', control: { type: 'commit' } }
  const pragma = /^PRAGMA harmonydb_consistency(?: = '(.*)')?$/.exec(sql)
  if (pragma !== null)
    return { kind: 'control', control: { type: 'harmonydb_consistency', value: pragma[1] ?? null } }
  if (sql === 'PRAGMA harmonydb_last_index')
    return { kind: 'control', control: { type: 'harmonydb_last_index' } }
  return { kind: sql.includes('INSERT') ? 'write' : 'unknown' }
}

/** Answers every read with the index at which it was made. */
const reader: Partial<DatabaseReader> = {
  classify: classOf,
  describe: async () => ({ parameters: [], columns: [], isExplain: false, isReadOnly: true }),
  vet: async () => undefined,
  readInline: ({ appliedIndex }) => ({
    columns: [],
    rows: [],
    changes: 0n,
    lastInsertRowid: null,
    index: appliedIndex,
    durationMs: 0,
  }),
  openSnapshot: async ({ appliedIndex }): Promise<ReadSnapshot> => ({
    index: appliedIndex,
    async *read() {
      yield { columns: [], rows: [], index: appliedIndex }
    },
    readNow: () => null,
    close: () => undefined,
  }),
  close: async () => undefined,
}

async function newSession(core: DatabaseCore): Promise<Session> {
  const directory = {
    list: async () => [],
    get: async () => core,
    create: async () => {},
    drop: async () => {},
  }
  const readers = { open: () => reader, close: async () => undefined } as unknown as ReaderFactory
  const gateway = new LocalGateway({ directory, readers })
  return gateway.openSession('app', { access: 'read-write', databases: null })
}

function statement(sql: string): SqlStatement {
  return { sql, args: NO_ARGUMENTS }
}

/** The index at which `sql` was read. */
async function readAt(session: Session, sql: string, level?: string): Promise<bigint> {
  const options: ExecuteOptions = level === undefined ? {} : { consistency: parseConsistency(level, 'test') }
  return (await session.execute(statement(sql), options)).index
}

test('linearizable, the default, reads everything that was acknowledged', async () => {
  const session = await newSession(new LaggingCore())
  assert.deepEqual(session.consistency, { level: 'linearizable' })
  assert.equal(await readAt(session, 'SELECT'), ACKNOWLEDGED)
})

test('linearizable on a member that is cut off is an error, and not an old answer', async () => {
  const core = new LaggingCore()
  core.isCutOff = true
  const session = await newSession(core)
  await assert.rejects(readAt(session, 'SELECT'), { code: 'NOT_LEADER' })
})

test('a level for the session, for a request, in a comment: the nearest one counts', async () => {
  const session = await newSession(new LaggingCore())
  session.consistency = { level: 'stale' }
  assert.equal(await readAt(session, 'SELECT'), 3n)
  assert.equal(await readAt(session, 'SELECT', 'session 5'), 5n)
  assert.equal(await readAt(session, '/* harmonydb: session 7 */ SELECT', 'session 5'), 7n)
  assert.equal(await readAt(session, 'SELECT /* harmonydb: linearizable */', 'stale'), ACKNOWLEDGED)
})

test('a level that can not be read is an error of its statement', async () => {
  const session = await newSession(new LaggingCore())
  await assert.rejects(readAt(session, '/* harmonydb: eventual */ SELECT'), { code: 'REQUEST_INVALID' })
})

test('PRAGMA harmonydb_consistency sets and tells the level of the session', async () => {
  const session = await newSession(new LaggingCore())
  await session.execute(statement(`PRAGMA harmonydb_consistency = 'stale 1min'`))
  assert.deepEqual(session.consistency, { level: 'stale', maxStalenessMs: 60_000 })
  const told = await session.execute(statement('PRAGMA harmonydb_consistency'))
  assert.deepEqual(told.rows, [['stale 60000ms']])
  await assert.rejects(session.execute(statement(`PRAGMA harmonydb_consistency = 'weak'`)), /weak/)
})

test('session: a write is read by its session, wherever it was done', async () => {
  const session = await newSession(new LaggingCore())
  session.consistency = { level: 'session' }
  assert.equal(await readAt(session, 'SELECT'), 3n, 'nothing is waited for that this session does not know')
  const { index } = await session.execute(statement('INSERT'))
  assert.equal(await readAt(session, 'SELECT'), index)
  assert.equal(session.lastIndex, index)
})

test('session: the token brings what one session has seen to another one, on another member', async () => {
  const [here, there] = [new LaggingCore(), new LaggingCore()]
  const writer = await newSession(here)
  await writer.execute(statement('INSERT'))
  const [[token]] = (await writer.execute(statement('PRAGMA harmonydb_last_index'))).rows as [[bigint]]
  const other = await newSession(there)
  assert.equal(await readAt(other, 'SELECT', 'session'), 3n)
  assert.equal(await readAt(other, 'SELECT', `session ${token}`), token)
  // From now on it is what this session has seen: never backwards, without the token.
  assert.equal(await readAt(other, 'SELECT', 'session'), token)
})

test('session: what can not be had in time is an error, and not an older answer', async () => {
  const core = new LaggingCore()
  const session = await newSession(core)
  session.consistency = { level: 'session' }
  await session.execute(statement('INSERT'))
  core.isCutOff = true
  await assert.rejects(readAt(session, 'SELECT'), { code: 'STATEMENT_TIMEOUT' })
})

test('stale serves on a member that is cut off; with a bound only as long as that holds', async () => {
  const core = new LaggingCore()
  const session = await newSession(core)
  core.isCutOff = true
  assert.equal(await readAt(session, 'SELECT', 'stale'), 3n)
  await assert.rejects(readAt(session, 'SELECT', 'stale 1min'), { code: 'NOT_LEADER' })
})

test('a transaction reads one state: that of BEGIN, or else of its first read', async () => {
  const levels: readonly (readonly [string, string, bigint])[] = [
    ['BEGIN', 'SELECT', ACKNOWLEDGED],
    ['BEGIN', 'SELECT /* harmonydb: stale */', 3n],
    ['BEGIN /* harmonydb: stale */', 'SELECT', 3n],
    ['BEGIN /* harmonydb: stale */', 'SELECT /* harmonydb: session 5 */', 5n],
  ]
  for (const [begin, select, index] of levels) {
    const session = await newSession(new LaggingCore())
    await session.execute(statement(begin))
    await session.execute(statement(select))
    await session.execute(statement('SELECT /* harmonydb: linearizable */'))
    assert.equal(session.lastIndex, index, `${begin}; ${select}`)
    await session.execute(statement('COMMIT'))
  }
})

test('statements that are read together read at the level of the request, or of the first one', async () => {
  const stale: Consistency = { level: 'stale' }
  for (const [sql, consistency] of [
    ['SELECT', stale],
    ['/* harmonydb: stale */ SELECT', undefined],
  ] as const) {
    const session = await newSession(new LaggingCore())
    const options = consistency === undefined ? {} : { consistency }
    await session.executeAtomic([statement(sql), statement('SELECT')], options)
    assert.equal(session.lastIndex, 3n)
  }
})

test('what is described is as new as what the session has written', async () => {
  const core = new LaggingCore()
  const session = await newSession(core)
  const { index } = await session.execute(statement('INSERT'))
  assert.equal(core.appliedIndex, 3n)
  await session.describe('SELECT')
  assert.equal(core.appliedIndex, index)
})
