/** From the command line to a command: names, --help, --version, failures. */

import type { Command } from './command.ts'
import { describeFailure, EXIT_OK } from './failure.ts'
import type { Environment } from './options.ts'
import { suggest } from './suggest.ts'
import { UsageError } from './usage-error.ts'
import { harmonyVersion } from '../serve/version.ts'

interface NamedCommand {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Only when it is asked for: a member would keep the shell and the benchmark in memory for as long as it runs. */
  readonly load: () => Promise<Command>
}

export const COMMANDS: readonly NamedCommand[] = [
  {
    name: 'start',
    summary: 'Start a member: serve the databases in a folder',
    load: async () => (await import('./start-command.ts')).START_COMMAND,
  },
  {
    name: 'shell',
    summary: 'Talk SQL to a running member',
    load: async () => (await import('./shell/shell-command.ts')).SHELL_COMMAND,
  },
  {
    name: 'cluster',
    summary: 'Run a whole cluster on this machine, to try it',
    load: async () => (await import('./cluster/cluster-command.ts')).CLUSTER_COMMAND,
  },
  {
    name: 'status',
    summary: 'Show the members of a cluster and who leads what',
    load: async () => (await import('./operate/status-command.ts')).STATUS_COMMAND,
  },
  {
    name: 'member',
    summary: 'List, add, remove and promote members; transfer leadership',
    load: async () => (await import('./operate/member-command.ts')).MEMBER_COMMAND,
  },
  {
    name: 'check',
    summary: 'Check a history of operations: linearizable? serializable?',
    load: async () => (await import('./check-command.ts')).CHECK_COMMAND,
  },
  {
    name: 'bench',
    summary: 'Measure HarmonyDB beside other databases on this machine',
    load: async () => (await import('./bench-command.ts')).BENCH_COMMAND,
  },
]

/** Resolves with the exit code of the process. Never rejects. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const [name = '', ...rest] = args
  try {
    if (['--version', '-v', 'version'].includes(name)) return print(`harmonydb ${harmonyVersion()}`)
    if (name === '' || ['--help', '-h'].includes(name)) return print(generalHelp())
    if (name === 'help') return print(rest[0] === undefined ? generalHelp() : (await load(rest[0])).help())
    const command = await load(name)
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

function load(name: string): Promise<Command> {
  const command = COMMANDS.find((one) => one.name === name)
  if (command !== undefined) return command.load()
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
