import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { LoadProcess, type LoadTimeouts } from './load-process.ts'

const LONG: LoadTimeouts = { loadSeconds: 600, answerSeconds: 600, endSeconds: 600 }
const ROUND = { clients: 1, seconds: 0.01, warmUpSeconds: 0, ratePerSecond: null }

/** A load process with `program` in it instead of the clients of a workload. */
function processOf(t: TestContext, program: string, timeouts: Partial<LoadTimeouts> = {}): LoadProcess {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-load-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const main = join(folder, 'main.mjs')
  writeFileSync(main, program)
  const target = { endpoint: { kind: 'embedded', folder }, processes: [] } as const
  const task = { target: { ...target, setUpAt: target.endpoint }, workload: 'bank', scale: 1 }
  return new LoadProcess(task, { ...LONG, ...timeouts }, main)
}

test('a process that dies is told of at once, with what it said', async (t) => {
  const loader = processOf(
    t,
    "process.on('message', () => { console.error('out of luck'); process.exit(7) })",
  )
  await assert.rejects(loader.load(), /ended with exit code 7\. out of luck/)
  await loader.close()
})

test('a process that is killed is told of by its signal, and can be told nothing more', async (t) => {
  const loader = processOf(t, "process.on('message', () => process.kill(process.pid, 'SIGKILL'))")
  await assert.rejects(loader.load(), /ended by SIGKILL/)
  await assert.rejects(loader.check(), /can't be told what to do/)
  await loader.close()
})

test('a process that answers nothing is ended after its time', async (t) => {
  const loader = processOf(t, "process.on('message', () => {})", { answerSeconds: 0.05 })
  await assert.rejects(loader.round(ROUND), /It did not answer any more/)
  await loader.close()
})

test('a process that says it has closed everything and does not end is ended', async (t) => {
  const program = `setInterval(() => {}, 1000)
    process.on('message', () => process.send({ kind: 'done', result: process.pid }))`
  const loader = processOf(t, program, { endSeconds: 0.05 })
  const pid = (await loader.load()) as unknown as number
  await loader.close()
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})
