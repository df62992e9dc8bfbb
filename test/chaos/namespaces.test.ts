import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { livingOwner } from './namespaces.ts'

const isLinux = process.platform === 'linux'

test('a bridge belongs to the process that made it, until that has ended', { skip: !isLinux }, () => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  assert.equal(livingOwner(`${process.pid}\n`), process.pid)
  assert.equal(livingOwner(`${pid}\n`), null)
  assert.equal(livingOwner('\n'), null)
})
