/** Dot-commands: what the shell does besides SQL. */

import { suggest } from '../suggest.ts'
import { MODES, type Mode } from './formats.ts'
import type { Shell } from './shell.ts'
import { showControlCharacters, showControlsInLines } from './value-text.ts'

export type DotOutcome = 'go-on' | 'failed' | 'quit'

interface DotCommand {
  readonly names: readonly string[]
  readonly usage: string
  readonly help: string
  readonly run: (shell: Shell, argument: string, runFile: RunFile) => Promise<DotOutcome>
}

/** Runs the statements of a file; resolves with false if one failed. Rejects with Node.js's error if it can't be read. */
export type RunFile = (shell: Shell, file: string) => Promise<boolean>

class DotUsageError extends Error {}

const TABLES_SQL = `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
  AND name NOT LIKE '\\_harmony\\_%' ESCAPE '\\'`

const COMMANDS: readonly DotCommand[] = [
  { names: ['.help'], usage: '.help [COMMAND]', help: 'This list, or one command', run: help },
  { names: ['.tables'], usage: '.tables [PATTERN]', help: 'Tables and views, by LIKE pattern', run: tables },
  {
    names: ['.schema'],
    usage: '.schema [TABLE]',
    help: 'CREATE statements, of all or of one table',
    run: schema,
  },
  { names: ['.databases'], usage: '.databases', help: 'Databases of the member', run: databases },
  { names: ['.use'], usage: '.use DATABASE', help: 'Go on in another database', run: use },
  { names: ['.create'], usage: '.create DATABASE', help: 'Create a database', run: create },
  { names: ['.mode'], usage: `.mode [${MODES.join('|')}]`, help: 'How results are shown', run: mode },
  { names: ['.limit'], usage: '.limit [ROWS]', help: 'Rows shown of one result; 0 shows all', run: limit },
  { names: ['.timer'], usage: '.timer on|off', help: 'Show how long each statement takes', run: timer },
  { names: ['.read'], usage: '.read FILE', help: 'Run the statements of a file', run: read },
  { names: ['.status'], usage: '.status', help: 'Connection, database and settings', run: status },
  { names: ['.quit', '.exit'], usage: '.quit', help: 'Leave; Ctrl-D does, too', run: async () => 'quit' },
]

export const DOT_COMMAND_NAMES: readonly string[] = COMMANDS.flatMap(({ names }) => names)

/** Runs a line that begins with a dot. Errors are printed. */
export async function runDotCommand(shell: Shell, line: string, runFile: RunFile): Promise<DotOutcome> {
  const [, name = '', argument = ''] = /^\s*(\.\S*)\s*(.*?)\s*;?\s*$/.exec(line) ?? []
  const command = commandNamed(name)
  if (command === undefined) {
    const meant = suggest(name, DOT_COMMAND_NAMES)
    shell.output.note(
      `There is no ${name}. ${meant === null ? '.help lists all commands.' : `Did you mean ${meant}?`}\n`,
    )
    return 'failed'
  }
  try {
    return await command.run(shell, argument, runFile)
  } catch (error) {
    if (error instanceof DotUsageError) shell.output.note(`${error.message}\nusage: ${command.usage}\n`)
    else shell.printError(error)
    return 'failed'
  }
}

/** A unique beginning is enough: `.tab` for `.tables`. */
function commandNamed(name: string): DotCommand | undefined {
  const exact = COMMANDS.find(({ names }) => names.includes(name))
  if (exact !== undefined || name.length < 2) return exact
  const matching = COMMANDS.filter(({ names }) => names.some((one) => one.startsWith(name)))
  return matching.length === 1 ? matching[0] : undefined
}

async function help(shell: Shell, argument: string): Promise<DotOutcome> {
  if (argument !== '') {
    const command = commandNamed(argument.startsWith('.') ? argument : `.${argument}`)
    if (command === undefined) throw new DotUsageError(`There is no command ${argument}.`)
    await shell.output.out(`${command.usage}\n  ${command.help}\n`)
    return 'go-on'
  }
  const width = Math.max(...COMMANDS.map(({ usage }) => usage.length))
  const list = COMMANDS.map((command) => `  ${command.usage.padEnd(width)}   ${command.help}`)
  await shell.output.out(
    `${list.join('\n')}\n\nSQL may span lines and ends with ";". Transactions: BEGIN; … COMMIT; or ROLLBACK;\n` +
      'Ctrl-C stops a statement or clears the line, Tab completes names, arrow up brings back lines.\n',
  )
  return 'go-on'
}

async function tables(shell: Shell, argument: string): Promise<DotOutcome> {
  const filter = argument === '' ? '' : ` AND name LIKE ${quoteText(argument)}`
  const names = (await shell.rows(`${TABLES_SQL}${filter} ORDER BY name`)).map(([name]) =>
    showControlCharacters(String(name)),
  )
  await shell.output.out(names.length === 0 ? 'no tables\n' : `${inColumns(names, shell.output.width())}\n`)
  return 'go-on'
}

async function schema(shell: Shell, argument: string): Promise<DotOutcome> {
  const filter = argument === '' ? '' : ` AND tbl_name = ${quoteText(argument)} COLLATE NOCASE`
  const rows = await shell.rows(
    `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE '\\_harmony\\_%' ESCAPE '\\'${filter}
     ORDER BY tbl_name, CASE type WHEN 'table' THEN 0 WHEN 'view' THEN 1 ELSE 2 END, name`,
  )
  if (rows.length === 0)
    throw new DotUsageError(argument === '' ? 'There are no tables yet.' : `There is no table ${argument}.`)
  await shell.output.out(`${rows.map(([sql]) => `${showControlsInLines(String(sql))};`).join('\n')}\n`)
  return 'go-on'
}

async function databases(shell: Shell): Promise<DotOutcome> {
  const list = (await shell.json('GET', 'v1/databases')) as {
    databases: { name: string; sizeBytes: number }[]
  }
  const width = Math.max(...list.databases.map(({ name }) => name.length))
  for (const { name, sizeBytes } of list.databases) {
    const mark = name === shell.target.database ? '*' : ' '
    await shell.output.out(`${mark} ${name.padEnd(width)}  ${formatSize(sizeBytes)}\n`)
  }
  return 'go-on'
}

async function use(shell: Shell, argument: string): Promise<DotOutcome> {
  if (argument === '') throw new DotUsageError('Which database?')
  const before = shell.target.database
  const wasInTransaction = shell.isInTransaction
  await shell.use(argument)
  try {
    await shell.rows('SELECT 1')
  } catch (error) {
    await shell.use(before)
    throw error
  }
  if (wasInTransaction) shell.output.note('The open transaction was rolled back.\n')
  return 'go-on'
}

async function create(shell: Shell, argument: string): Promise<DotOutcome> {
  if (argument === '') throw new DotUsageError('A name is missing.')
  await shell.json('POST', 'v1/databases', { name: argument })
  await shell.output.out(`The database ${argument} exists now. Go there with: .use ${argument}\n`)
  return 'go-on'
}

async function mode(shell: Shell, argument: string): Promise<DotOutcome> {
  if (argument === '') await shell.output.out(`${shell.settings.mode}\n`)
  else shell.settings.mode = parseMode(argument)
  return 'go-on'
}

function parseMode(text: string): Mode {
  const found = MODES.find((one) => one === text)
  if (found === undefined) throw new DotUsageError(`There is no mode ${JSON.stringify(text)}.`)
  return found
}

async function limit(shell: Shell, argument: string): Promise<DotOutcome> {
  if (!/^\d*$/.test(argument)) throw new DotUsageError(`${JSON.stringify(argument)} is not a number of rows.`)
  if (argument === '')
    await shell.output.out(`${Number.isFinite(shell.settings.rowsMax) ? shell.settings.rowsMax : 0}\n`)
  else shell.settings.rowsMax = argument === '0' ? Number.POSITIVE_INFINITY : Number(argument)
  return 'go-on'
}

async function timer(shell: Shell, argument: string): Promise<DotOutcome> {
  if (argument !== 'on' && argument !== 'off') throw new DotUsageError('It is on or off.')
  shell.settings.showsTime = argument === 'on'
  return 'go-on'
}

async function read(shell: Shell, argument: string, runFile: RunFile): Promise<DotOutcome> {
  if (argument === '') throw new DotUsageError('Which file?')
  try {
    return (await runFile(shell, argument)) ? 'go-on' : 'failed'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new DotUsageError(`${argument} can not be read (${code}).`)
  }
}

async function status(shell: Shell): Promise<DotOutcome> {
  const { version } = (await shell.json('GET', 'version')) as { version: string }
  const { mode: current, rowsMax, showsTime } = shell.settings
  await shell.output.out(
    `member       ${shell.target.origin.origin}, version ${version}\n` +
      `database     ${shell.target.database}\n` +
      `transaction  ${shell.isInTransaction ? 'open' : 'none'}\n` +
      `mode         ${current}, ${Number.isFinite(rowsMax) ? `first ${rowsMax} rows` : 'all rows'}, timer ${showsTime ? 'on' : 'off'}\n`,
  )
  return 'go-on'
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Names side by side, read downwards as `ls` shows them. */
export function inColumns(names: readonly string[], width: number): string {
  const column = Math.max(...names.map(({ length }) => length)) + 2
  const columns = Math.max(1, Math.min(names.length, Math.floor(Math.min(width, 100) / column)))
  const rows = Math.ceil(names.length / columns)
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_unused, at) => (names[at * rows + row] ?? '').padEnd(column))
      .join('')
      .trimEnd(),
  ).join('\n')
}

function formatSize(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, sizeBytes)) / 10))
  const value = sizeBytes / 1024 ** step
  return `${step === 0 ? value : value.toFixed(1)} ${units[step]}`
}
