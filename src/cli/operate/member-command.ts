/** `harmonydb member list|add|remove|promote|transfer`. */

import type { TransferRequest } from '../../cluster/cluster-state.ts'
import type { Command } from '../command.ts'
import { EXIT_OK } from '../failure.ts'
import {
  describeOptions,
  parseOptions,
  type Environment,
  type OptionSpec,
  type ParsedOptions,
} from '../options.ts'
import { suggest } from '../suggest.ts'
import { UsageError } from '../usage-error.ts'
import type { AdminClient } from './admin-client.ts'
import { clientOf, DEFAULT_URL, OPERATOR_OPTIONS } from './operator-options.ts'
import { membersText } from './status-text.ts'

export const MEMBER_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'learner',
    placeholder: null,
    variable: null,
    default: null,
    help: 'For add: the member only follows, until it is promoted.',
  },
  {
    name: 'database',
    placeholder: 'NAME',
    variable: null,
    default: 'all',
    help: 'For transfer: only this database.',
  },
  {
    name: 'from',
    placeholder: 'NUMBER',
    variable: null,
    default: 'whoever leads',
    help: 'For transfer: only what this member leads.',
  },
  {
    name: 'to',
    placeholder: 'NUMBER',
    variable: null,
    default: 'the best of the others',
    help: 'For transfer: the member that leads afterwards.',
  },
  ...OPERATOR_OPTIONS,
]

interface Answer {
  readonly json: unknown
  readonly text: string
}

interface Action {
  readonly name: string
  /** What it takes before the URL; null if nothing. */
  readonly argument: string | null
  /** Options that make sense with it, besides those of all. */
  readonly options: readonly string[]
  readonly run: (client: AdminClient, argument: string, options: ParsedOptions) => Promise<Answer>
}

const ACTIONS: readonly Action[] = [
  { name: 'list', argument: null, options: [], run: (client) => list(client) },
  { name: 'add', argument: 'HOST:PORT', options: ['learner'], run: add },
  { name: 'remove', argument: 'NUMBER', options: [], run: remove },
  { name: 'promote', argument: 'NUMBER', options: [], run: promote },
  { name: 'transfer', argument: null, options: ['database', 'from', 'to'], run: transfer },
]

function memberHelp(): string {
  return `List and change the members of a cluster.

usage: harmonydb member list [URL]
       harmonydb member add HOST:PORT [URL] [--learner]
       harmonydb member remove NUMBER [URL]
       harmonydb member promote NUMBER [URL]
       harmonydb member transfer [URL] [--database NAME] [--from NUMBER]
                                 [--to NUMBER]

URL is that of any member [default: ${DEFAULT_URL}; HARMONYDB_URL].

  list      Numbers, roles, connections, addresses.
  add       Give a number to the member that will listen for its peers at
            HOST:PORT. Start it afterwards with --join. A member started with
            --join alone is added as well, as a voter.
  remove    For good: its votes and its replicas are gone, its number is not
            used again. For a member that is dead, or that is to be taken out.
  promote   Let a learner vote.
  transfer  Hand leadership over: before a member is stopped for long, for
            example.

options:
${describeOptions(MEMBER_OPTIONS)}

examples:
  harmonydb member add 10.0.0.5:7400 --learner
  harmonydb member transfer --from 3
  harmonydb member remove 3 http://10.0.0.1:8080

Exit codes: 0 done, 1 refused or failed, 2 wrong options.`
}

async function runMember(args: readonly string[], environment: Environment): Promise<number> {
  const action = actionNamed(args[0])
  const takes = action.argument === null ? 0 : 1
  const options = parseOptions(MEMBER_OPTIONS, args.slice(1), environment, takes + 1)
  refuseStrayOptions(action, options)
  const argument = action.argument === null ? '' : options.positionals[0]
  if (argument === undefined) {
    throw new UsageError(
      `member ${action.name} needs ${action.argument}: harmonydb member ${action.name} ${action.argument}`,
    )
  }
  const client = clientOf(options, options.positionals[takes], environment)
  const answer = await action.run(client, argument, options)
  console.log(options.flag('json') ? JSON.stringify(answer.json, null, 2) : answer.text)
  return EXIT_OK
}

function actionNamed(name: string | undefined): Action {
  const action = ACTIONS.find((one) => one.name === name)
  if (action !== undefined) return action
  const names = ACTIONS.map((one) => one.name)
  if (name === undefined || name.startsWith('-'))
    throw new UsageError(`Which one: member ${names.join(', ')}?`)
  const meant = suggest(name, names)
  throw new UsageError(
    `There is no "member ${name}".${meant === null ? ` There are ${names.join(', ')}.` : ` Did you mean "member ${meant}"?`}`,
  )
}

/** An option that would be ignored is a mistake that nobody notices. */
function refuseStrayOptions(action: Action, options: ParsedOptions): void {
  const own = ['learner', 'database', 'from', 'to'].filter((name) => !action.options.includes(name))
  const stray = own.find((name) => (name === 'learner' ? options.flag(name) : options.text(name) !== null))
  if (stray !== undefined) throw new UsageError(`--${stray} has no meaning for member ${action.name}.`)
}

async function list(client: AdminClient): Promise<Answer> {
  const state = await client.state()
  return { json: state.members, text: membersText(state) }
}

async function add(client: AdminClient, address: string, options: ParsedOptions): Promise<Answer> {
  const role = options.flag('learner') ? 'learner' : 'voter'
  const member = await client.addMember(address, role)
  const state = await client.state()
  const join = state.members.find((one) => one.member === state.member)?.addresses.peer ?? 'HOST:PORT'
  return {
    json: { member },
    text:
      `Member ${member} is expected as a ${role}. Start it there with\n\n` +
      `  harmonydb start --peer-listen ${address} --join ${join} \\\n` +
      '      --cluster-secret-file FILE --data FOLDER --http HOST:PORT\n',
  }
}

async function remove(client: AdminClient, argument: string): Promise<Answer> {
  const member = memberNumber(argument)
  await client.removeMember(member)
  return { json: { member }, text: `Member ${member} is removed. Its data folder is of no use any more.` }
}

async function promote(client: AdminClient, argument: string): Promise<Answer> {
  const member = memberNumber(argument)
  await client.promoteMember(member)
  return {
    json: { member },
    text: `Member ${member} may vote; databases take it as a voter where that spreads them better.`,
  }
}

async function transfer(client: AdminClient, _argument: string, options: ParsedOptions): Promise<Answer> {
  const numberOf = (name: string): number | null => {
    const text = options.text(name)
    return text === null ? null : memberNumber(text)
  }
  const request: TransferRequest = {
    database: options.text('database'),
    from: numberOf('from'),
    to: numberOf('to'),
  }
  if (request.database === null && request.from === null && request.to === null)
    throw new UsageError('Say what to hand over: --database NAME, --from NUMBER or --to NUMBER.')
  const transferred = await client.transfer(request)
  return {
    json: { transferred },
    text: `${transferred} ${transferred === 1 ? 'database has' : 'databases have'} another leader now.`,
  }
}

function memberNumber(text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : 0
  if (value > 0) return value
  throw new UsageError(
    `${JSON.stringify(text)} is not the number of a member; harmonydb member list shows them.`,
  )
}

export const MEMBER_COMMAND: Command = {
  help: memberHelp,
  run: runMember,
}
