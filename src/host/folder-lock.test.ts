import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { lockFolder } from './folder-lock.ts'

function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/harmony-lock-`)
  return work(folder).finally(() => rmSync(folder, { recursive: true }))
}

test('a second lock in the same process is refused until the first is released', () =>
  withFolder(async (folder) => {
    const lock = lockFolder(folder)
    assert.throws(() => lockFolder(folder), { code: 'DATA_LOCKED' })
    lock.release()
    assert.deepEqual(readdirSync(folder), ['lock'])
    lockFolder(folder).release()
  }))

test('another process holds it, is named, and loses it with SIGKILL', () =>
  withFolder(async (folder) => {
    const module = new URL('folder-lock.ts', import.meta.url).href
    const script = `
      const { lockFolder } = await import('${module}')
      lockFolder('${folder}')
      // Nobody keeps the lock, and yet it stays.
      globalThis.gc()
      console.log('locked')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    assert.throws(
      () => lockFolder(folder),
      (error: Error) => error.message.includes(`process ${child.pid}`),
    )
    child.kill('SIGKILL')
    await once(child, 'exit')
    lockFolder(folder).release()
  }))
