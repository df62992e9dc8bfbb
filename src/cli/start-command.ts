/** `harmonydb start`. */

import type { Command } from './command.ts'
import { describeOptions } from './options.ts'
import { parseStartOptions, START_OPTIONS } from './start-options.ts'

function startHelp(): string {
  return `Start a member: one process that keeps databases in a folder and serves them.

usage: harmonydb start [options]

It listens on this machine only until you choose otherwise, prints its URLs, and
stops cleanly on Ctrl-C or SIGTERM: requests under way are finished first. Each
option can be given as an environment variable, too.

options:
${describeOptions(START_OPTIONS)}

examples:
  harmonydb start
      Databases in ./harmony-data, HTTP on 127.0.0.1:8080.

  harmonydb start --data /var/lib/harmonydb --http 127.0.0.1:9000
      Another folder, another port.

  HARMONYDB_AUTH_TOKEN=$(openssl rand -hex 32) harmonydb start --http 0.0.0.0:80
      Reachable from other machines, for those who know the token.

  harmonydb start --limit bodySizeBytesMax=64MiB --log-format json
      A larger limit, and log lines for a collector.

Drivers connect with the URL http://127.0.0.1:8080 (database "default") or
http://127.0.0.1:8080/db/NAME/ (with the slash at its end).

Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong options.`
}

export const START_COMMAND: Command = {
  help: startHelp,
  run: async (args, environment) => {
    const options = parseStartOptions(args, environment)
    // Loaded only now, so that --help and wrong options are answered at once.
    const { start } = await import('./start.ts')
    return start(options)
  },
}
