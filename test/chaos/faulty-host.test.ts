/** A fault that does nothing proves nothing: each trouble of a faulty host must be felt, in every thread, and end. */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { until } from '../cluster/cluster.ts'
import type { HostTrouble } from './faulty-host.ts'
import { NO_TROUBLE } from './faulty-host.ts'

const FAULTY_HOST = pathToFileURL(resolve(import.meta.dirname, 'faulty-host.ts')).href
const DAY_MS = 86_400_000

/** Answers what a member would feel: in its main thread, or in one that is started without options of its own. */
const PATIENT = `
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { createConnection } from 'node:net'
import { open, rm } from 'node:fs/promises'
async function feel({ ask, argument }) {
  if (ask === 'clock') return [Date.now(), new Date().getTime(), new Date(5).getTime(), new Date() instanceof Date]
  const fromMs = performance.now()
  if (ask === 'disk') {
    const file = await open(argument, 'w')
    for (let at = 0; at < 10; at++) { await file.write('x'); await file.datasync() }
    await file.close()
  }
  if (ask === 'network') {
    const socket = createConnection(argument, '127.0.0.1')
    let text = ''
    for await (const chunk of socket) text += chunk
    if (text !== 'abc') return text
  }
  return performance.now() - fromMs
}
if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { execArgv: [] })
  worker.on('message', (answer) => process.send(answer))
  process.on('message', async (request) => request.isWorker ? worker.postMessage(request) : process.send(await feel(request)))
} else parentPort.on('message', async (request) => parentPort.postMessage(await feel(request)))
`

class Patient {
  readonly folder: string
  readonly #child: ChildProcess

  constructor(t: TestContext, peerPort: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'harmonydb-faulty-'))
    writeFileSync(join(this.folder, 'patient.mjs'), PATIENT)
    this.trouble(NO_TROUBLE)
    this.#child = fork(join(this.folder, 'patient.mjs'), {
      env: {
        ...process.env,
        NODE_OPTIONS: `--import=${FAULTY_HOST}`,
        CHAOS_HOST: this.#file,
        CHAOS_PEER_PORT: `${peerPort}`,
      },
    })
    t.after(() => {
      this.#child.kill('SIGKILL')
      rmSync(this.folder, { recursive: true, force: true })
    })
  }

  get #file(): string {
    return join(this.folder, 'host.json')
  }

  trouble(trouble: HostTrouble): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify(trouble))
    renameSync(`${this.#file}.new`, this.#file)
  }

  async feels(isWorker: boolean, ask: string, argument?: string | number): Promise<unknown> {
    this.#child.send({ isWorker, ask, argument })
    const [answer] = (await once(this.#child, 'message')) as [unknown]
    return answer
  }
}

for (const isWorker of [false, true]) {
  const where = isWorker ? 'a thread' : 'the main thread'

  test(`the clock of ${where} jumps, and comes back`, async (t) => {
    const patient = new Patient(t, 1)
    const isOff = async (offsetMs: number): Promise<boolean> => {
      const [now, date, five, isDate] = (await patient.feels(isWorker, 'clock')) as [
        number,
        number,
        number,
        boolean,
      ]
      assert.equal(five, 5)
      assert.equal(isDate, true)
      return [now, date].every((one) => Math.abs(one - Date.now() - offsetMs) < DAY_MS / 2)
    }
    assert.equal(await isOff(0), true)
    patient.trouble({ ...NO_TROUBLE, clockOffsetMs: -DAY_MS })
    await until('it is yesterday', () => isOff(-DAY_MS))
    patient.trouble(NO_TROUBLE)
    await until('it is today', () => isOff(0))
  })

  test(`the disk of ${where} gets slow`, async (t) => {
    const patient = new Patient(t, 1)
    patient.trouble({ ...NO_TROUBLE, diskDelayMs: 60 })
    // Twenty calls, each up to 60 ms late, as soon as it has heard of its trouble.
    await until(
      'it is slow',
      async () => Number(await patient.feels(isWorker, 'disk', join(patient.folder, 'file'))) > 100,
    )
  })

  test(`what members send arrives late in ${where}, whole and in order`, async (t) => {
    const server = createServer((socket) => {
      socket.write('a')
      setTimeout(() => socket.write('b'), 5)
      setTimeout(() => socket.end('c'), 10)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const patient = new Patient(t, port)
    patient.trouble({ ...NO_TROUBLE, networkDelayMs: 400 })
    // Up to 400 ms late, as soon as it has heard of its trouble.
    await until('it is late', async () => {
      const tookMs = Number(await patient.feels(isWorker, 'network', port))
      assert.ok(!Number.isNaN(tookMs), 'whole and in order')
      return tookMs > 200
    })
  })
}

test('who is no member is heard at once', async (t) => {
  const server = createServer((socket) => socket.end('abc'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const patient = new Patient(t, port + 1)
  patient.trouble({ ...NO_TROUBLE, networkDelayMs: 3_600_000 })
  assert.ok(Number(await patient.feels(false, 'network', port)) < 3_600_000)
})
