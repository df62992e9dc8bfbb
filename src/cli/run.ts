/** From the command line to a command: names, --help, --version, failures. */

import { BENCH_COMMAND } from './bench-command.ts'
import { CHECK_COMMAND } from './check-command.ts'
import { CLUSTER_COMMAND } from './cluster/cluster-command.ts'
import type { Command } from './command.ts'
import { describeFailure, EXIT_OK } from './failure.ts'
import { MEMBER_COMMAND } from './operate/member-command.ts'
import { STATUS_COMMAND } from './operate/status-command.ts'
import type { Environment } from './options.ts'
import { SHELL_COMMAND } from './shell/shell-command.ts'
import { START_COMMAND } from './start-command.ts'
import { suggest } from './suggest.ts'
import { UsageError } from './usage-error.ts'
import { harmonyVersion } from '../serve/version.ts'

export const COMMANDS: readonly Command[] = [
  START_COMMAND,
  SHELL_COMMAND,
  CLUSTER_COMMAND,
  STATUS_COMMAND,
  MEMBER_COMMAND,
  CHECK_COMMAND,
  BENCH_COMMAND,
]

/** Resolves with the exit code of the process. Never rejects. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const [name = '', ...rest] = args
  try {
    if (['--version', '-v', 'version'].includes(name)) return print(`harmonydb ${harmonyVersion()}`)
    if (name === '' || ['--help', '-h'].includes(name)) return print(generalHelp())
    if (name === 'help') return print(rest[0] === undefined ? generalHelp() : commandNamed(rest[0]).help())
    const command = commandNamed(name)
    if (rest.includes('--help') || rest.includes('-h')) return print(command.help())
    return await command.run(rest, environment)
  } catch (error) {
    const { message, exitCode } = describeFailure(
      error,
      COMMANDS.some((one) => one.name === name) ? name : null,
    )
    process.stderr.write(`harmonydb: ${message}\n`)
    if (environment['HARMONYDB_DEBUG'] === '1') console.error(error)
    return exitCode
  }
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return EXIT_OK
}

function commandNamed(name: string): Command {
  const command = COMMANDS.find((one) => one.name === name)
  if (command !== undefined) return command
  const meant = suggest(
    name,
    COMMANDS.map((one) => one.name),
  )
  throw new UsageError(
    `There is no command ${JSON.stringify(name)}.${meant === null ? '' : ` Did you mean "harmonydb ${meant}"?`}`,
  )
}

function generalHelp(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  const list = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`).join('\n')
  return `HarmonyDB ${harmonyVersion()}: SQLite that survives machines.

usage: harmonydb COMMAND [options]

commands:
${list}
  ${'help'.padEnd(width)}   Explain a command: harmonydb help start

First steps:
  harmonydb start                        start a member on this machine
  harmonydb shell                        talk SQL to it, in another terminal
  harmonydb shell -c 'SELECT 1 + 1'      run one statement and leave

Options of all commands:
  -h, --help       explain the command
  -v, --version    print the version`
}
