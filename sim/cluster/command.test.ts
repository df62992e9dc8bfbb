import { test } from 'node:test'
import assert from 'node:assert/strict'
import { decodeCommand, encodeCommand } from './command.ts'
import type { Command } from './command.ts'

test('commands survive their encoding, with any padding', () => {
  const commands: Command[] = [
    { operation: 1, client: 2, key: 3, action: { kind: 'write', value: 4_000_000_000 } },
    { operation: 7, client: 1, key: 0, action: { kind: 'compare-and-set', expected: 0, value: 9 } },
  ]
  for (const command of commands) {
    for (const padding of [0, 1, 50]) {
      const data = encodeCommand(command, padding)
      assert.equal(data.length, 24 + 4 * padding)
      assert.deepEqual(decodeCommand(data), command)
    }
  }
})
