/** The network as one process sees it: what comes in is an event of that process, and its end breaks its connections. */

import type { Connection, Listener, Network, NetworkAddress } from '../../src/host/network.ts'
import type { Process } from './world.ts'

export class MachineNetwork implements Network {
  readonly #network: Network
  readonly #process: Process
  readonly #connections = new Set<Connection>()
  readonly #listeners = new Set<Listener>()

  constructor(network: Network, process: Process) {
    this.#network = network
    this.#process = process
  }

  async listen(address: NetworkAddress, accept: (connection: Connection) => void): Promise<Listener> {
    const listener = await this.#network.listen(address, (connection) => {
      // The system accepts for a process that is stopped; bytes wait until it goes on.
      const mine = this.#wrap(connection)
      this.#process.run(() => accept(mine))
    })
    this.#listeners.add(listener)
    return {
      address: listener.address,
      close: async () => {
        this.#listeners.delete(listener)
        await listener.close()
      },
    }
  }

  connect(address: NetworkAddress, signal: AbortSignal): Promise<Connection> {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    this.#network.connect(address, signal).then(
      (connection) => {
        const mine = this.#wrap(connection)
        this.#process.run(() => resolve(mine))
        return mine
      },
      (error: unknown) => this.#process.run(() => reject(error)),
    )
    return promise
  }

  /** The process has ended: its peers notice. */
  end(): void {
    for (const listener of this.#listeners) void listener.close()
    for (const connection of this.#connections) connection.destroy()
  }

  #wrap(connection: Connection): Connection {
    this.#connections.add(connection)
    const process = this.#process
    return {
      remote: connection.remote,
      start: (events) =>
        connection.start({
          data: (bytes) => process.run(() => events.data(bytes)),
          drained: () => process.run(() => events.drained()),
          closed: (problem) => {
            this.#connections.delete(connection)
            process.run(() => events.closed(problem))
          },
        }),
      write: (parts) => connection.write(parts),
      end: () => connection.end(),
      destroy: () => connection.destroy(),
    }
  }
}
