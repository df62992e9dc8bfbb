/** Statements and dot-commands from text: standard input, a file, `-c`. The first failure ends it. */

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { runDotCommand, type DotOutcome } from './dot-commands.ts'
import type { Shell } from './shell.ts'
import { StatementBuffer } from './statement-buffer.ts'

/** Resolves with false after a failure, which has been printed with its line; `placeOf` names it. */
export async function runLines(
  shell: Shell,
  lines: AsyncIterable<string> | Iterable<string>,
  placeOf: (line: number) => string,
): Promise<boolean> {
  const buffer = new StatementBuffer()
  let outcome: DotOutcome = 'go-on'
  for await (const line of lines) {
    if (!buffer.isPending && line.trimStart().startsWith('.')) {
      outcome = await runDotLine(shell, line)
    } else {
      outcome = (await runAll(shell, buffer.add(line), placeOf)) ? 'go-on' : 'failed'
    }
    if (outcome !== 'go-on') break
  }
  if (outcome === 'go-on') outcome = (await runAll(shell, buffer.finish(), placeOf)) ? 'go-on' : 'failed'
  return outcome !== 'failed'
}

/** One line that begins with a dot, typed or read. */
export function runDotLine(shell: Shell, line: string): Promise<DotOutcome> {
  return runDotCommand(shell, line, runFile)
}

function runFile(shell: Shell, file: string): Promise<boolean> {
  return runLines(
    shell,
    createInterface({ input: createReadStream(file), crlfDelay: Infinity }),
    (line) => `${file}:${line}`,
  )
}

async function runAll(
  shell: Shell,
  statements: ReturnType<StatementBuffer['add']>,
  placeOf: (line: number) => string,
): Promise<boolean> {
  for (const { sql, line } of statements) {
    if (!(await shell.execute(sql, placeOf(line)))) return false
  }
  return true
}
