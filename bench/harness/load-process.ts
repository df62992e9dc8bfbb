/** The load generator: a process of its own, so that clients don't run on the member's thread. */

import { fork } from 'node:child_process'
import type { Round } from '../targets/target.ts'
import { runClosedLoop, type LoadClient } from './closed-loop.ts'
import { HranaHttpClient, HranaWebSocketClient } from './hrana-clients.ts'
import type { RoundResult } from './latency.ts'

export interface LoadOrder extends Round {
  readonly protocol: 'http' | 'websocket'
  readonly url: string
}

/** Runs one round in a child process. Rejects if any operation failed. */
export function runLoadProcess(order: LoadOrder): Promise<RoundResult> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, [JSON.stringify(order)])
    child.once('message', (message) => resolve(message as RoundResult))
    child.once('exit', (code) => {
      if (code !== 0) reject(new Error(`The load generator for ${order.url} ended with exit code ${code}`))
    })
  })
}

function connect(order: LoadOrder): Promise<LoadClient> {
  return order.protocol === 'websocket'
    ? HranaWebSocketClient.connect(order.url, order.workload)
    : HranaHttpClient.connect(order.url, order.workload)
}

async function main(order: LoadOrder): Promise<void> {
  const clients = await Promise.all(Array.from({ length: order.clients }, () => connect(order)))
  const result = await runClosedLoop(clients, order.seconds)
  await Promise.all(clients.map((client) => client.close()))
  process.send?.(result, () => process.exit(0))
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as LoadOrder)
