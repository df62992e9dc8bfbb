import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkedDuration, durationMs, durationText } from './duration.ts'

test('durations are read with any unit and shown in the largest whole one, as PostgreSQL 15 does', () => {
  const check = checkedDuration('statement_timeout')
  const shown = ['0', '3000', '250', '90s', '60min', '2d', '1.5s', '120s'].map(check)
  assert.deepEqual(shown, ['0', '3s', '250ms', '90s', '1h', '2d', '1500ms', '2min'])
  assert.equal(durationMs(durationText(86_400_000)), 86_400_000)
})

test('what is no duration is refused', () => {
  for (const text of ['', 'soon', '5 fortnights', '-1']) {
    assert.throws(() => checkedDuration('lock_timeout')(text), { sqlState: '22023' })
  }
})
