/** Hrana as a whole, for whoever runs the HTTP server: routes, and a handler for WebSocket upgrades. */

import { WebSocketServer, type WebSocket } from 'ws'
import { ByteBudget } from '../../base/byte-budget.ts'
import { UnsentAnswers } from '../../base/unsent-answers.ts'
import type { HttpRoute, HttpUpgrade, HttpUpgradeHandler, ProtocolContext } from '../http/exchange.ts'
import { httpRoutes } from './http-routes.ts'
import { HttpStreams } from './http-streams.ts'
import { HRANA_DEFAULTS, type HranaOptions } from './options.ts'
import { ONLY_PLACE, type StreamPlace } from './stream-place.ts'
import { chooseSubprotocol, codecOf } from './ws-codec.ts'
import { WsConnection, type WsMemory } from './ws-connection.ts'

export interface Hrana {
  readonly routes: readonly HttpRoute[]
  /** Its `drain` ends the streams over HTTP too: those that wait at once, those that run with their request. */
  readonly upgrade: Required<HttpUpgradeHandler>
}

export function createHrana(
  context: ProtocolContext,
  options: Partial<HranaOptions> = {},
  place: StreamPlace = ONLY_PLACE,
): Hrana {
  const allOptions: HranaOptions = { ...HRANA_DEFAULTS, ...options }
  const streams = new HttpStreams(context.gateway, allOptions, place)
  const sockets = new WebSockets(context, allOptions)
  const drain = async (): Promise<void> => {
    await Promise.all([streams.close(), sockets.drain()])
  }
  return {
    routes: httpRoutes(streams, allOptions, place),
    upgrade: { handle: (upgrade) => sockets.handle(upgrade), drain },
  }
}

class WebSockets {
  readonly #context: ProtocolContext
  readonly #options: HranaOptions
  readonly #server: WebSocketServer
  readonly #memory: WsMemory
  readonly #connections = new Set<WsConnection>()
  #pinging: NodeJS.Timeout | null = null

  constructor(context: ProtocolContext, options: HranaOptions) {
    this.#context = context
    this.#options = options
    this.#memory = {
      received: new ByteBudget(options.receivedTotalBytesMax),
      unsent: new UnsentAnswers(options.unsentTotalBytesMax),
    }
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.messageBytesMax,
      // Costs a large state per connection and much time per message; results compress better above, if at all.
      perMessageDeflate: false,
      handleProtocols: (offered) => chooseSubprotocol(offered) ?? false,
    })
  }

  handle(upgrade: HttpUpgrade): void {
    const { request, socket, head } = upgrade
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, upgrade))
  }

  #open(socket: WebSocket, upgrade: HttpUpgrade): void {
    const codec = codecOf(socket.protocol)
    const connection = new WsConnection(socket, codec, upgrade, this.#context, this.#options, this.#memory)
    this.#connections.add(connection)
    // Not `once`, which keeps more for it; it comes once anyway.
    socket.on('close', () => this.#forget(connection))
    this.#pinging ??= setInterval(() => this.#pingAll(), this.#options.pingIntervalMs).unref()
  }

  #forget(connection: WsConnection): void {
    this.#connections.delete(connection)
    if (this.#connections.size > 0 || this.#pinging === null) return
    clearInterval(this.#pinging)
    this.#pinging = null
  }

  #pingAll(): void {
    for (const connection of this.#connections) connection.ping()
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.drain()))
  }
}
