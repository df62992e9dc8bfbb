import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SqlStore } from './sql-store.ts'

const stored = (sqlId: number): { sql: null; sqlId: number } => ({ sql: null, sqlId })

test('a stored text stands for its id until it is closed', () => {
  const store = new SqlStore({ storedSqlMax: 2, storedSqlBytesMax: 100 })
  store.store(-5, 'SELECT 1')
  assert.equal(store.resolve(stored(-5)), 'SELECT 1')
  assert.equal(store.resolve({ sql: 'SELECT 2', sqlId: null }), 'SELECT 2')
  store.close(-5)
  store.close(-5)
  assert.throws(() => store.resolve(stored(-5)), { code: 'SQL_NOT_STORED' })
})

test('an id in use takes the new text', () => {
  const store = new SqlStore({ storedSqlMax: 1, storedSqlBytesMax: 10 })
  store.store(1, '1234567890')
  store.store(1, '0987654321')
  assert.equal(store.resolve(stored(1)), '0987654321')
})

test('number and length of the texts are bounded, and closing gives room back', () => {
  const store = new SqlStore({ storedSqlMax: 2, storedSqlBytesMax: 10 })
  store.store(1, '12345')
  assert.throws(() => store.store(2, '123456'), { code: 'SQL_STORE_TOO_LARGE' })
  store.store(2, '12345')
  assert.throws(() => store.store(3, ''), { code: 'SQL_STORE_TOO_MANY' })
  store.close(1)
  store.store(3, '12345')
})
