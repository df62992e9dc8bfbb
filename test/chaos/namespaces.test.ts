import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { endProcesses, livingOwner } from './namespaces.ts'

const isLinux = process.platform === 'linux'

test('a bridge belongs to the process that made it, until that has ended', { skip: !isLinux }, () => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  assert.equal(livingOwner(`${process.pid}\n`), process.pid)
  assert.equal(livingOwner(`${pid}\n`), null)
  assert.equal(livingOwner('\n'), null)
})

const name = `harmonytest-${process.pid}`
const canMake = isLinux && spawnSync('ip', ['netns', 'add', name]).status === 0

test('what a run that was killed has left in its networks is ended', { skip: !canMake }, async () => {
  try {
    const left = spawn('ip', ['netns', 'exec', name, 'sleep', '1000'])
    const ended = once(left, 'exit')
    // It has entered the namespace.
    while (spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout === '') await sleep(10)
    endProcesses(name)
    assert.deepEqual(await ended, [null, 'SIGKILL'])
  } finally {
    spawnSync('ip', ['netns', 'del', name])
  }
})
