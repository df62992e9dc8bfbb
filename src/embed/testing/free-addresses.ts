/**
 * Addresses of this machine that nobody listens at, each as HOST:PORT, and that nobody is given before the test listens there: they are below
 * the ports that a system gives to whoever asks for any (32,768 and more on Linux, 49,152 and more elsewhere), and each process of tests
 * begins elsewhere.
 */

import { createServer } from 'node:net'

const FIRST_PORT = 10_000
/** Clusters of processes have those above to themselves (`test/cluster/cluster.ts`), also while they are down. */
const PORTS = 10_000
/** Coprime to their number: neighbours among processes are far from one another. */
const STRIDE = 7_919

let next = process.pid * STRIDE

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (isListening) await new Promise((resolve) => server.close(resolve))
  return isListening
}

export async function freeAddresses(count: number): Promise<string[]> {
  const addresses: string[] = []
  while (addresses.length < count) {
    const port = FIRST_PORT + (next++ % PORTS)
    if (await isFree(port)) addresses.push(`127.0.0.1:${port}`)
  }
  return addresses
}
