/** `harmonydb cluster`. */

import type { Command } from '../command.ts'
import { describeOptions } from '../options.ts'
import { CLUSTER_OPTIONS, parseClusterOptions } from './cluster-options.ts'

function clusterHelp(): string {
  return `Run a whole cluster on this machine, to see and to try what it does.

usage: harmonydb cluster [options]

It starts the members as processes of their own, shows for each whether it
leads, what it has applied and how far it lags, and stops all on Ctrl-C. Given
again while the cluster runs, it starts the members that do not run, and leaves.
The database "default" is there from the start; any member takes reads and
writes.

At a terminal, the key of a member's index kills it (kill -9), and starts it
again.

options:
${describeOptions(CLUSTER_OPTIONS)}

In the folder: member-I/pid has the process id of member I, member-I/log what it
printed, member-I/data its data, and secret what the members know each other by.

examples:
  harmonydb cluster
      Four members: HTTP on 8080, 8090, 8100 and 8110; data in
      ./harmony-cluster.

  harmonydb cluster --members 3 --data /tmp/three --base-port 9000
      Three members, on other ports.

  kill -9 $(cat harmony-cluster/member-2/pid); harmonydb cluster --start 2
      Kill a member, and start it again, while the cluster runs in another
      terminal.

  harmonydb cluster --stop 1 && harmonydb cluster --start 1
      Restart a member, as for an upgrade.

Exit codes: 0 stopped as asked, 1 failed or had to kill a member, 2 wrong
options.`
}

export const CLUSTER_COMMAND: Command = {
  help: clusterHelp,
  run: async (args, environment) => {
    const options = parseClusterOptions(args, environment)
    const { runDevCluster } = await import('./dev-cluster.ts')
    return runDevCluster(options, environment)
  },
}
