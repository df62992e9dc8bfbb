/** A write that is durable, on a member that stops before it has applied it: whoever asked must not hear that nothing was done. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HarmonyError, isRetryable } from '../base/errors.ts'
import { NO_ARGUMENTS } from '../base/value.ts'
import type { Member } from '../cluster/member.ts'
import type { LocalGateway } from '../gateway/local-gateway.ts'
import { CoreServer } from './core-server.ts'

const stopping = new HarmonyError('SHUTTING_DOWN', 'The member is stopping. Nothing was done; try again.')
const INDEX = 7n

/** Its writes are committed by other members; it applies nothing any more. */
function stoppingServer(): CoreServer {
  const replica = { appliedIndex: INDEX - 1n, waitApplied: () => Promise.reject(stopping) }
  const session = {
    isAutocommit: true,
    lastIndex: INDEX,
    execute: async () => ({ index: INDEX, columns: [], rows: [], changes: 1n, lastInsertRowid: null }),
    executeAtomic: async () => [],
    close: async () => undefined,
  }
  const member = { replica: () => replica } as unknown as Member
  const gateway = { openSession: async () => session } as unknown as LocalGateway
  return new CoreServer(member, gateway, async () => undefined)
}

async function assertNotCalledUndone(answer: Promise<unknown>): Promise<void> {
  await assert.rejects(answer, (error: unknown) => {
    assert.ok(error instanceof HarmonyError)
    assert.equal(error.code, 'OUTCOME_UNKNOWN')
    assert.equal(isRetryable(error), false)
    assert.equal(error.cause, stopping)
    return true
  })
}

const statement = { sql: 'INSERT INTO notes VALUES (1)', args: NO_ARGUMENTS }
const request = { database: 'default', idempotencyKey: null }

test('a statement that was done', () =>
  assertNotCalledUndone(
    stoppingServer().answer(1, { kind: 'execute', statement, consistency: null, ...request }),
  ))

test('a batch that was done', () =>
  assertNotCalledUndone(stoppingServer().answer(1, { kind: 'batch', statements: [statement], ...request })))

test('a transaction that was committed', async () => {
  const server = stoppingServer()
  const transaction = await server.answer(1, {
    kind: 'begin',
    database: 'default',
    mode: 'deferred',
    foreignKeys: true,
  })
  await server.answer(2, { kind: 'step', transaction: Number(transaction), statement })
  await assertNotCalledUndone(server.answer(3, { kind: 'commit', transaction: Number(transaction) }))
})
