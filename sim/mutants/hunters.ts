/** Processes that look for mutants, a few at a time. */

import { spawn } from 'node:child_process'

const AT_A_TIME = 2

export interface ProgramResult {
  /** Null where a signal ended it. */
  readonly exitCode: number | null
  readonly output: string
  readonly errors: string
}

/** Runs a script with this Node.js. Resolves when it has ended, however; never rejects for what the script does. */
export async function runScript(args: readonly string[], cwd?: string): Promise<ProgramResult> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd })
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { exitCode, output, errors }
}

/** Runs `work` for each item, a few at a time, in order of their beginning. */
export async function forEachAtOnce<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items]
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
}
