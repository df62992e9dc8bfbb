/** One gateway process as the member sees it, from its start to its end. */

import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { gatewayEnvironment } from './environment.ts'
import { CoreService } from './core-service.ts'
import { Link, linkEnded, type Answerers } from './link.ts'
import type { DatabaseDirectory } from '../../gateway/core.ts'
import type { PositionBoard } from './position-board.ts'
import type { GatewayCalls, GatewayNotice, GatewayStart, MemberCalls, MemberNotice } from './protocol.ts'

/** What is answered alike to all gateways. */
export type SharedAnswerers = Omit<Answerers<MemberCalls>, keyof CoreService['answerers']>

export interface GatewayProcessParts {
  readonly file: URL
  readonly directory: DatabaseDirectory
  readonly board: PositionBoard
  readonly answerers: SharedAnswerers
  readonly onNotice: (notice: GatewayNotice) => void
}

type GatewayLink = Link<GatewayCalls, MemberCalls, MemberNotice, GatewayNotice>

export class GatewayProcess {
  readonly link: GatewayLink
  /** Resolves when it has ended, with how. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess

  constructor({ file, directory, board, answerers, onNotice }: GatewayProcessParts) {
    const child = fork(fileURLToPath(file), {
      serialization: 'advanced',
      execArgv: [],
      env: gatewayEnvironment(),
      stdio: ['ignore', 'ignore', 'inherit', 'ipc', board.descriptor],
    })
    this.#child = child
    const cores = new CoreService(directory, board, (core, index) =>
      this.link.tell({ kind: 'applied', core, index }),
    )
    this.link = new Link<GatewayCalls, MemberCalls, MemberNotice, GatewayNotice>({
      // What can't be sent because the process is gone is rejected when its end is told.
      send: (message) => child.connected && child.send(message as object, () => {}),
      answerers: { ...cores.answerers, ...answerers },
      onNotice,
    })
    child.on('message', (message) => this.link.take(message))
    const { promise, resolve } = Promise.withResolvers<string>()
    const end = (how: string): void => {
      this.link.end(linkEnded('The gateway process'))
      void cores.close()
      resolve(how)
    }
    child.on('error', (error) => {
      if (child.pid === undefined) end(`could not be started: ${error.message}`)
    })
    child.on('exit', (code, signal) => end(signal ?? `code ${code}`))
    this.ended = promise
  }

  get processId(): number | undefined {
    return this.#child.pid
  }

  /** Resolves when it listens. Rejects with why it can't. */
  async start(start: GatewayStart): Promise<void> {
    await this.link.ask('start', start)
  }

  /** Lets its clients finish, for `timeoutMs` at most. Resolves when it has ended. */
  async drain(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.kill(), timeoutMs)
    await this.link.ask('drain', null).catch(() => undefined)
    if (this.#child.connected) this.#child.disconnect()
    await this.ended
    clearTimeout(timer)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
