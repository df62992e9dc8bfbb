/**
 * `node bench/idle-memory.ts`: the memory of a member that has just been started and does nothing, of all its processes, as published (`npm run build` first)
 * and otherwise as it stands in the repository; `--gateways 2`: with so many gateway processes. Linux only: from /proc/PID/smaps_rollup.
 *
 * The resident size counts the program text of Node.js once for each process that has it mapped, although the machine has it once. So the figure that
 * counts is: what each process has for itself, and what is shared once. The proportional size (PSS) shares it out among all processes of the machine, other
 * programs included, so it is less where other Node.js programs run.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { childrenOf } from './process-tree.ts'

const PUBLISHED = resolve(import.meta.dirname, '../dist/cli/main.js')
const SOURCE = resolve(import.meta.dirname, '../src/cli/main.ts')
/** In which what starting needs is given back. */
const REST_MS = 15_000

interface Memory {
  readonly name: string
  readonly residentMB: number
  readonly proportionalMB: number
  readonly privateMB: number
}

function memoryOf(processId: number, name: string): Memory {
  const text = readFileSync(`/proc/${processId}/smaps_rollup`, 'utf8')
  const megabytes = (field: string): number =>
    Number(new RegExp(`^${field}: +(\\d+)`, 'mu').exec(text)?.[1] ?? 0) / 1024
  return {
    name,
    residentMB: megabytes('Rss'),
    proportionalMB: megabytes('Pss'),
    privateMB: megabytes('Private_Clean') + megabytes('Private_Dirty'),
  }
}

function processName(processId: number): string {
  const [, ...words] = readFileSync(`/proc/${processId}/cmdline`, 'utf8').split('\0')
  return words.find((word) => /\.[jt]s$/u.test(word))?.replace(/^.*\//u, '') ?? 'unknown'
}

function line({ name, residentMB, proportionalMB, privateMB }: Memory): string {
  const figures = [privateMB, proportionalMB, residentMB]
  return `${name.padEnd(20)} ${figures.map((figure) => figure.toFixed(0).padStart(8)).join(' ')}`
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { gateways: { type: 'string' } } })
  const gateways = values.gateways === undefined ? [] : ['--gateways', values.gateways]
  const program = existsSync(PUBLISHED) ? PUBLISHED : SOURCE
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-bench-memory-'))
  const listen = ['--http', '127.0.0.1:0', '--pg', '127.0.0.1:0']
  const member = spawn(
    process.execPath,
    [program, 'start', '--data', join(folder, 'data'), ...listen, ...gateways],
    {
      stdio: 'ignore',
    },
  )
  process.once('exit', () => member.kill('SIGKILL'))
  const memberId = member.pid
  if (memberId === undefined) throw new Error(`${program} could not be started.`)
  await sleep(REST_MS)
  const found = [memberId, ...childrenOf(memberId)].map((id) => memoryOf(id, processName(id)))
  const sum = (of: (memory: Memory) => number): number =>
    found.reduce((total, memory) => total + of(memory), 0)
  const sharedOnceMB = Math.max(...found.map(({ residentMB, privateMB }) => residentMB - privateMB))
  console.log(`an idle member, MB (${program === PUBLISHED ? 'as published' : 'from the repository'})`)
  console.log('                      private      PSS resident')
  for (const memory of found) console.log(line(memory))
  console.log(
    `what it takes of a machine that runs no other Node.js: ${(sum(({ privateMB }) => privateMB) + sharedOnceMB).toFixed(0)} MB`,
  )
  member.kill('SIGTERM')
  await once(member, 'exit')
  await rm(folder, { recursive: true, force: true })
}

await main()
