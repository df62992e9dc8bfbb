/**
 * The core in its own thread: the member with its groups and journal, and a gateway. An application that blocks its own event loop
 * for seconds so delays no heartbeat. The databases' writers are in processes of their own besides (docs/decisions/0004).
 */

import { parentPort, workerData } from 'node:worker_threads'
import { must } from '../base/assert.ts'
import { toErrorData } from '../base/error-data.ts'
import { Member } from '../cluster/member.ts'
import { ReaderPool } from '../engine/reader/database-reader.ts'
import { LocalGateway } from '../gateway/local-gateway.ts'
import { toClusterOptions } from './cluster-link.ts'
import { CoreServer } from './core-server.ts'
import type { CoreOptions, FromCore, ToCore } from './link-protocol.ts'

const port = must(parentPort)

function post(message: FromCore): void {
  port.postMessage(message)
}

async function serve({ folder, statementTimeoutMs, name, peers }: CoreOptions): Promise<void> {
  const timeout = statementTimeoutMs === null ? {} : { statementTimeoutMs }
  const cluster = peers === null ? null : toClusterOptions(peers)
  const member = await Member.open({ folder, cluster, ...(name !== null && { name }), ...timeout })
  const gateway = new LocalGateway({ directory: member, readers: new ReaderPool(), configuration: timeout })
  const server = new CoreServer(member, gateway)
  void member.failed.then((error) => post({ kind: 'failure', id: null, error: toErrorData(error) }))
  port.on('message', (message: ToCore) => {
    if ('cancel' in message) return server.cancel(message.cancel)
    void server
      .answer(message.id, message.request)
      .then(
        (value) => post({ kind: 'answer', id: message.id, value }),
        (error: unknown) => post({ kind: 'failure', id: message.id, error: toErrorData(error) }),
      )
      .finally(() => {
        // Without the port nothing keeps this thread alive.
        if (message.request.kind === 'close') port.close()
      })
  })
  post({ kind: 'ready' })
}

serve(workerData as CoreOptions).catch((error: unknown) => {
  post({ kind: 'failure', id: null, error: toErrorData(error) })
  port.close()
})
