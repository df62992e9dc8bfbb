/** `harmonydb shell`. */

import { createInterface } from 'node:readline'
import type { Command } from '../command.ts'
import { EXIT_FAILED, EXIT_OK } from '../failure.ts'
import {
  describeOptions,
  parseOptions,
  type Environment,
  type OptionSpec,
  type ParsedOptions,
} from '../options.ts'
import { typedCommand } from '../program-name.ts'
import { UsageError } from '../usage-error.ts'
import { parseConnectionUrl, type ConnectionTarget } from './connection-url.ts'
import { MODES, type Mode } from './formats.ts'
import { History, historyFile } from './history.ts'
import { InteractiveShell } from './interactive.ts'
import { runLines } from './script.ts'
import { Shell, type ShellSettings } from './shell.ts'
import { COLOUR_STYLE, PLAIN_STYLE } from './style.ts'

const DEFAULT_URL = 'http://127.0.0.1:8080'
const INTERACTIVE_ROWS_MAX = 1000
const DEFAULT_WIDTH = 80

export const SHELL_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'command',
    short: 'c',
    placeholder: 'SQL',
    isList: true,
    variable: null,
    default: null,
    help: 'Run this and leave. Several statements are separated by ";"; a failing one ends it.',
  },
  {
    name: 'database',
    short: 'd',
    placeholder: 'NAME',
    variable: 'HARMONYDB_DATABASE',
    default: 'default',
    help: 'The database to begin in; wins over the one in the URL.',
  },
  {
    name: 'auth-token',
    placeholder: 'TOKEN',
    variable: 'HARMONYDB_AUTH_TOKEN',
    default: null,
    help: 'Token for a member that asks for one. Prefer the variable: other users of the machine can see command lines.',
  },
  {
    name: 'mode',
    short: 'm',
    placeholder: 'MODE',
    variable: null,
    default: 'table',
    help: `How results are shown: ${MODES.join(', ')}.`,
  },
]

function shellHelp(): string {
  return `Talk SQL to a running member.

usage: harmonydb shell [URL] [options]

URL is where the member listens [default: ${DEFAULT_URL}; HARMONYDB_URL].
With /db/NAME behind it, it begins in that database. libsql:// and ws:// URLs of
applications work, too.

options:
${describeOptions(SHELL_OPTIONS)}

examples:
  harmonydb shell
      An interactive shell. SQL ends with ";", .help lists what else there is.

  harmonydb shell http://db.example:8080/db/shop
      Another member, another database.

  harmonydb shell -c 'SELECT count(*) FROM notes' --mode csv
      One statement; its result as CSV on standard output.

  harmonydb shell < migration.sql
      A script. The first failing statement ends it, with exit code 1 and its
      line. Put BEGIN; and COMMIT; around it to have all of it or nothing.`
}

export const SHELL_COMMAND: Command = {
  help: shellHelp,
  run: runShell,
}

async function runShell(args: readonly string[], environment: Environment): Promise<number> {
  const options = parseOptions(SHELL_OPTIONS, args, environment, 1)
  // The reader has seen enough: `harmonydb shell … | head`.
  process.stdout.on('error', () => process.exit(EXIT_OK))
  const isInteractive = process.stdin.isTTY && options.list('command').length === 0
  const shell = openShell(options, environment, isInteractive)
  try {
    if (isInteractive) return await runInteractive(shell, environment)
    return (await runScript(shell, options.list('command'))) ? EXIT_OK : EXIT_FAILED
  } finally {
    await shell.close()
  }
}

function openShell(options: ParsedOptions, environment: Environment, isInteractive: boolean): Shell {
  const target = readTarget(options, environment)
  const settings: ShellSettings = {
    mode: readMode(options.text('mode')),
    showsTime: isInteractive,
    tellsChanges: isInteractive,
    rowsMax: isInteractive ? INTERACTIVE_ROWS_MAX : Number.POSITIVE_INFINITY,
  }
  const hasColours =
    process.stdout.isTTY && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb'
  return new Shell(target, options.text('auth-token') ?? target.token, settings, {
    out: writeToStdout,
    note: (text) => process.stderr.write(text),
    style: hasColours ? COLOUR_STYLE : PLAIN_STYLE,
    width: () =>
      process.stdout.isTTY ? (process.stdout.columns ?? DEFAULT_WIDTH) : Number.POSITIVE_INFINITY,
  })
}

/** Waits for whoever reads: a large result must not pile up in front of a slow `less`. */
function writeToStdout(text: string): Promise<void> {
  return new Promise((resolve) => {
    if (text === '' || process.stdout.write(text)) resolve()
    else process.stdout.once('drain', resolve)
  })
}

function readTarget(options: ParsedOptions, environment: Environment): ConnectionTarget {
  const target = parseConnectionUrl(options.positionals[0] ?? environment['HARMONYDB_URL'] ?? DEFAULT_URL)
  const database = options.text('database')
  return database === null ? target : { ...target, database }
}

function readMode(text: string | null): Mode {
  const mode = MODES.find((one) => one === (text ?? 'table'))
  if (mode === undefined)
    throw new UsageError(`--mode is ${JSON.stringify(text)}; it must be one of ${MODES.join(', ')}.`)
  return mode
}

async function runInteractive(shell: Shell, environment: Environment): Promise<number> {
  try {
    const { version } = (await shell.json('GET', 'version')) as { version: string }
    const [[sqlite] = []] = await shell.rows('SELECT sqlite_version()')
    await shell.output.out(
      `HarmonyDB ${version} (SQLite ${String(sqlite)}) at ${shell.target.origin.origin}\n` +
        'SQL ends with ";". .help lists commands, Ctrl-D leaves.\n\n',
    )
  } catch (error) {
    shell.printError(error)
    hintAtStart(shell, error)
    return EXIT_FAILED
  }
  const terminal = { input: process.stdin, output: process.stdout }
  await new InteractiveShell(shell, new History(historyFile(environment)), terminal).run()
  return EXIT_OK
}

function hintAtStart(shell: Shell, error: unknown): void {
  const { code, message } = error as { code?: string; message: string }
  if (message.startsWith('No member answers')) shell.output.note(`Start one with: ${typedCommand('start')}\n`)
  if (code === 'AUTH_REQUIRED') shell.output.note('Give the token in HARMONYDB_AUTH_TOKEN.\n')
  if (code === 'DATABASE_NOT_FOUND') {
    shell.output.note(
      `${typedCommand('shell', shell.target.origin.origin)} and then .databases shows which there are.\n`,
    )
  }
}

async function runScript(shell: Shell, commands: readonly string[]): Promise<boolean> {
  const isOk =
    commands.length > 0
      ? await runLines(
          shell,
          commands.flatMap((command) => [...command.split('\n'), ';']),
          () => '',
        )
      : await runLines(
          shell,
          createInterface({ input: process.stdin, crlfDelay: Infinity }),
          (line) => `line ${line}`,
        )
  if (shell.isInTransaction) {
    shell.output.note('The script ended in an open transaction, which was rolled back.\n')
    return false
  }
  return isOk
}
