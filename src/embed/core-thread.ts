/**
 * The core in its own thread: the member with its groups and journal, and a gateway. An application that blocks its own event loop
 * for seconds so delays no heartbeat. The databases' writers are in processes of their own besides (docs/decisions/0004).
 */

import { parentPort, workerData } from 'node:worker_threads'
import { must } from '../base/assert.ts'
import { toErrorData } from '../base/error-data.ts'
import { formatAddress } from '../host/network.ts'
import type { Served } from '../serve/serve.ts'
import { openCore } from './core.ts'
import { CoreServer } from './core-server.ts'
import type { CoreOptions, FromCore, ServedAt, ToCore } from './link-protocol.ts'

const port = must(parentPort)

function post(message: FromCore): void {
  port.postMessage(message)
}

async function run(options: CoreOptions): Promise<void> {
  const { member, gateway, served, close } = await openCore(options)
  const server = new CoreServer(member, gateway, close)
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
  post({ kind: 'ready', servedAt: servedAt(served) })
}

function servedAt({ httpAddress, postgresAddress }: Served): ServedAt {
  return {
    http: httpAddress === null ? null : formatAddress(httpAddress),
    postgres: postgresAddress === null ? null : formatAddress(postgresAddress),
  }
}

run(workerData as CoreOptions).catch((error: unknown) => {
  post({ kind: 'failure', id: null, error: toErrorData(error) })
  port.close()
})
