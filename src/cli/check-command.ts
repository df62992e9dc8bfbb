/** `harmonydb check FILE`: is a history of operations possible, with what the system promises? For any system's history. */

import { createReadStream } from 'node:fs'
import type { HistoryVerdict } from '../history/check-history.ts'
import { checkHistory } from '../history/check-history.ts'
import { HistoryReader } from '../history/history-file.ts'
import { HistoryFormatError } from '../history/history-format-error.ts'
import { Lines } from '../history/lines.ts'
import { verdictText } from '../history/verdict-text.ts'
import type { Command } from './command.ts'
import { EXIT_FAILED, EXIT_OK } from './failure.ts'
import type { Environment, OptionSpec } from './options.ts'
import { describeOptions, parseOptions } from './options.ts'
import { UsageError } from './usage-error.ts'

/** The history can be read, and can't be true; or nothing can be said of it. */
export const EXIT_IMPOSSIBLE = 3

export const CHECK_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'json',
    placeholder: null,
    variable: null,
    default: null,
    help: 'Print the verdict as JSON, for scripts.',
  },
]

function checkHelp(): string {
  return `Check a history of what clients of a database saw: linearizable, for registers;
strictly serializable, for transactions on lists. It need not be HarmonyDB's.

usage: harmonydb check FILE [options]        FILE is - for the standard input

FILE has one JSON object a line, in the order in which things happened:
  {"process": 0, "type": "invoke", "f": "write", "key": "x", "value": 3}
  {"process": 0, "type": "ok",     "f": "write", "key": "x", "value": 3}
"type" is invoke, then ok, fail (it did not happen) or info (nobody knows).
"f" is read, write, cas ("value": [expected, new]), or txn, with a value like
  [["append", "x", 3], ["r", "y", [1, 2]]]   where each element is appended once
Lines of the process "nemesis" are left out. Numbers beyond 2^53 must be texts.

options:
${describeOptions(CHECK_OPTIONS)}

Exit codes: 0 the history is possible, 1 FILE can't be read, 2 wrong options,
3 it is not possible, or nobody can say (the text tells which).`
}

async function runCheck(args: readonly string[], environment: Environment): Promise<number> {
  const options = parseOptions(CHECK_OPTIONS, args, environment, 1)
  const [file] = options.positionals
  if (file === undefined)
    throw new UsageError('Which history? harmonydb check FILE, or - for the standard input.')
  const verdict = await readAndCheck(file)
  if (verdict === null) return EXIT_FAILED
  console.log(options.flag('json') ? JSON.stringify(verdict, null, 2) : verdictText(verdict))
  return verdict.findings.length === 0 ? EXIT_OK : EXIT_IMPOSSIBLE
}

/** Null if it is no history; then it has said why. */
async function readAndCheck(file: string): Promise<HistoryVerdict | null> {
  try {
    const reader = new HistoryReader()
    const input = file === '-' ? process.stdin : createReadStream(file)
    const lines = new Lines((line) => reader.line(line))
    for await (const piece of input.setEncoding('utf8')) lines.write(String(piece))
    lines.end()
    return checkHistory(reader.end())
  } catch (error) {
    const isSystem = (error as NodeJS.ErrnoException).syscall !== undefined
    if (!(error instanceof HistoryFormatError) && !isSystem) throw error
    process.stderr.write(`harmonydb: ${file} is no history that can be read: ${(error as Error).message}\n`)
    return null
  }
}

export const CHECK_COMMAND: Command = {
  help: checkHelp,
  run: runCheck,
}
