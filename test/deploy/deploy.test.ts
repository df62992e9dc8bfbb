/** What is in `deploy/` is checked without a container engine: settings exist, parts fit together, and the image's commands run. */

import { test, type TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { START_OPTIONS, parseStartOptions } from '../../src/cli/start-options.ts'
import { ROOT } from '../documentation.ts'

const run = promisify(execFile)
const VARIABLES = new Set(START_OPTIONS.map(({ variable }) => variable))

function read(name: string): string {
  return readFileSync(join(ROOT, 'deploy', name), 'utf8')
}

interface Instruction {
  readonly name: string
  readonly text: string
}

function instructions(): Instruction[] {
  return read('Dockerfile')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ name: line.split(' ')[0] ?? '', text: line.slice(line.indexOf(' ') + 1) }))
}

/** Of the last stage, which is the image. */
function imageInstructions(): Instruction[] {
  const all = instructions()
  return all.slice(all.findLastIndex(({ name }) => name === 'FROM'))
}

function imageValue(name: string): string {
  return imageInstructions().findLast((one) => one.name === name)?.text ?? ''
}

/** `CMD ["a", "b"]`, behind HEALTHCHECK too. */
function imageCommand(name: string): string[] {
  return JSON.parse(imageValue(name).replace(/^.* CMD /, '')) as string[]
}

function imageEnvironment(): Record<string, string> {
  const settings = imageInstructions().filter(({ name }) => name === 'ENV')
  return Object.fromEntries(settings.map(({ text }) => text.split('=') as [string, string]))
}

interface Service {
  readonly environment: Readonly<Record<string, string>>
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
  readonly hostname: string
  readonly secrets: readonly string[]
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const COMPOSE = parse(read('compose.yaml'), { merge: true }) as Compose
const SERVICES = Object.entries(COMPOSE.services)

test('the image: each instruction is a known one, and it does not run as root', () => {
  const known = /^(FROM|WORKDIR|COPY|RUN|ENV|USER|VOLUME|EXPOSE|HEALTHCHECK|STOPSIGNAL|ENTRYPOINT|CMD)$/
  for (const { name } of instructions()) assert.match(name, known)
  assert.match(imageValue('USER'), /^[1-9]\d*:[1-9]\d*$/)
  assert.equal(imageValue('VOLUME'), imageEnvironment()['HARMONYDB_DATA'])
})

test('the image: what it copies from the repository exists and is not ignored', () => {
  const ignored = read('Dockerfile.dockerignore')
  const copied = instructions()
    .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from'))
    .flatMap(({ text }) => text.split(' ').slice(0, -1))
  assert.ok(copied.length > 0)
  for (const name of copied) {
    assert.ok(existsSync(join(ROOT, name)), name)
    assert.ok(ignored.includes(`!${name}\n`), `${name} is not in Dockerfile.dockerignore`)
  }
})

test('the image: Node.js is the one that the repository brings', () => {
  const bases = instructions().filter(({ name, text }) => name === 'FROM' && text.startsWith('node:'))
  for (const { text } of bases)
    assert.equal(/^node:(\d+)/.exec(text)?.[1], process.versions.node.split('.')[0])
})

test('every setting in deploy/ is one that `harmonydb start` knows', () => {
  const files = ['Dockerfile', 'compose.yaml', 'harmonydb.service'].map(read).join('\n')
  const named = [...files.matchAll(/HARMONYDB_[A-Z_]+/g)].map(([name]) => name)
  assert.deepEqual(
    named.filter((name) => !VARIABLES.has(name)),
    [],
  )
})

test('compose: each member starts with what it is given, and finds the others', () => {
  assert.equal(SERVICES.length, 4)
  const advertised = SERVICES.map(([, { environment }]) => environment['HARMONYDB_PEER_ADVERTISE'])
  for (const [name, service] of SERVICES) {
    const { environment } = service
    assert.equal(environment['HARMONYDB_PEERS'], advertised.join(','))
    assert.equal(environment['HARMONYDB_BOOTSTRAP_EXPECT'], String(SERVICES.length))
    assert.equal(service.hostname, name)
    assert.match(environment['HARMONYDB_PEER_ADVERTISE'] ?? '', new RegExp(`^${name}:`))
    assert.deepEqual(service.volumes, [`${name}:${imageValue('VOLUME')}`])
    assert.ok(name in COMPOSE.volumes)
    assert.deepEqual(
      service.secrets.map((secret) => `/run/secrets/${secret}`),
      [environment['HARMONYDB_CLUSTER_SECRET_FILE']],
    )
  }
})

test('compose: published ports lead to exposed ones, and no two are the same', () => {
  const exposed = imageValue('EXPOSE').split(' ')
  const published = SERVICES.flatMap(([, { ports }]) => ports.map((port) => port.split(':')))
  for (const [address, , inside] of published) {
    assert.equal(address, '127.0.0.1')
    assert.ok(exposed.includes(inside ?? ''), String(inside))
  }
  assert.equal(new Set(published.map(([, outside]) => outside)).size, 8)
})

test('compose: a member’s environment makes valid options', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-compose-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const secretFile = join(folder, 'cluster-secret')
  writeFileSync(secretFile, '0123456789abcdef0123456789abcdef')
  for (const [name, { environment }] of SERVICES) {
    const options = parseStartOptions(imageCommand('CMD').slice(1), {
      ...imageEnvironment(),
      ...environment,
      HARMONYDB_AUTH_TOKEN: 'secret',
      HARMONYDB_CLUSTER_SECRET_FILE: secretFile,
    })
    assert.equal(options.dataFolder, '/data')
    assert.equal(options.http.port, 8080)
    assert.equal(options.peer.name, name)
    assert.equal(options.peer.cluster?.advertise, `${name}:7400`)
  }
})

test('systemd: the command line is one that the member understands', () => {
  const start = /^ExecStart=\S+ (.*)$/m.exec(read('harmonydb.service'))?.[1] ?? ''
  const [command, ...args] = start.split(' ')
  assert.equal(command, 'start')
  assert.equal(parseStartOptions(args, {}).dataFolder, '/var/lib/harmonydb')
  assert.match(read('harmonydb.service'), /^StateDirectory=harmonydb$/m)
})

test('the image’s entry command serves, its health check passes, and SIGTERM ends it with 0', async (t) => {
  const image = await builtImage(t)
  const [, , ...entry] = [...imageCommand('ENTRYPOINT'), ...imageCommand('CMD')]
  const main = join(image, imageCommand('ENTRYPOINT')[1]?.replace(`${imageValue('WORKDIR')}/`, '') ?? '')
  const data = mkdtempSync(join(tmpdir(), 'harmonydb-image-data-'))
  t.after(() => rmSync(data, { recursive: true, force: true }))
  const inherited = Object.entries(process.env).filter(([name]) => !/^(HARMONYDB|NODE)_/.test(name))
  const child = spawn(process.execPath, [main, ...entry], {
    env: {
      ...Object.fromEntries(inherited),
      ...imageEnvironment(),
      HARMONYDB_DATA: data,
      HARMONYDB_HTTP: '127.0.0.1:0',
      HARMONYDB_PG: '127.0.0.1:0',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const address = await startedAt(child.stderr)
  const [, ...health] = imageCommand('HEALTHCHECK').map((part) => part.replace('127.0.0.1:8080', address))
  await run(process.execPath, health)
  child.kill('SIGTERM')
  const [exitCode] = (await once(child, 'exit')) as [number | null]
  assert.equal(exitCode, 0)
  await assert.rejects(run(process.execPath, health), 'a member that is gone is not healthy')
})

/** The files of the image's last stage, made by the same build. */
async function builtImage(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-image-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const environment = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` }
  await run(tsc, ['-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist')], {
    cwd: ROOT,
    env: environment,
  })
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

async function startedAt(stderr: NodeJS.ReadableStream): Promise<string> {
  let output = ''
  for await (const line of createInterface({ input: stderr })) {
    output += `${line}\n`
    const address = /"event":"started","http":"([^"]+)"/.exec(line)?.[1]
    if (address === undefined) continue
    stderr.resume()
    return address
  }
  throw new Error(`the member ended:\n${output}`)
}
