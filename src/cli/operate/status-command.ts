/** `harmonydb status`. */

import type { Command } from '../command.ts'
import { EXIT_OK } from '../failure.ts'
import { describeOptions, parseOptions, type Environment } from '../options.ts'
import { reportOn } from './cluster-report.ts'
import { clientOf, DEFAULT_URL, OPERATOR_OPTIONS } from './operator-options.ts'
import { statusText } from './status-text.ts'

/** The cluster answers, and something in it is not as it should be. */
export const EXIT_PROBLEMS = 3

function statusHelp(): string {
  return `Show a cluster: its members, who leads which database, and what is wrong.

usage: harmonydb status [URL] [options]

URL is that of any member [default: ${DEFAULT_URL}; HARMONYDB_URL].
The others are asked as well, at the addresses that the cluster has of them.

options:
${describeOptions(OPERATOR_OPTIONS)}

examples:
  harmonydb status
  harmonydb status http://10.0.0.2:8080
  harmonydb status --json | jq '.groups[] | select(.leader == null) | .database'

Exit codes: 0 all is well, 1 nobody answered, 2 wrong options, 3 something is
wrong (a member is not connected, a database has no leader, a replica failed or
lags).`
}

async function runStatus(args: readonly string[], environment: Environment): Promise<number> {
  const options = parseOptions(OPERATOR_OPTIONS, args, environment, 1)
  const client = clientOf(options, options.positionals[0], environment)
  const state = await client.state()
  const report = reportOn(state, await client.viewsOfOthers(state))
  if (options.flag('json')) {
    const groups = report.groups.map(({ group, lagEntries }) => ({ ...group, lagEntries }))
    console.log(JSON.stringify({ ...state, groups, problems: report.problems }, null, 2))
  } else {
    console.log(statusText(report))
  }
  return report.problems.length === 0 ? EXIT_OK : EXIT_PROBLEMS
}

export const STATUS_COMMAND: Command = {
  help: statusHelp,
  run: runStatus,
}
