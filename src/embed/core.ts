/** The parts of an embedded member, put together: the member, its gateway, and what it serves to the network. */

import { HarmonyError } from '../base/errors.ts'
import { Member } from '../cluster/member.ts'
import { ReaderPool } from '../engine/reader/database-reader.ts'
import { LocalGateway } from '../gateway/local-gateway.ts'
import { NetworkError } from '../host/network.ts'
import type { Served } from '../serve/serve.ts'
import { closeInTime, serve } from '../serve/serve.ts'
import { toClusterOptions } from './cluster-link.ts'
import type { CoreOptions } from './link-protocol.ts'
import { toServeParameters } from './serve-options.ts'

export interface Core {
  readonly member: Member
  readonly gateway: LocalGateway
  readonly served: Served
  /** Lets what runs finish, for a bounded time, and closes everything. */
  readonly close: () => Promise<void>
}

/** Rejects as `Member.open` does, and with ADDRESS_UNAVAILABLE; then nothing is left open. */
export async function openCore(options: CoreOptions): Promise<Core> {
  const { folder, statementTimeoutMs, name, peers } = options
  const timeout = statementTimeoutMs === null ? {} : { statementTimeoutMs }
  const cluster = peers === null ? null : toClusterOptions(peers)
  const member = await Member.open({ folder, cluster, ...(name !== null && { name }), ...timeout }).catch(
    (error: unknown) => {
      throw toOpenError(error)
    },
  )
  const gateway = new LocalGateway({ directory: member, readers: new ReaderPool(), configuration: timeout })
  const opened = [() => member.close(), () => gateway.close()]
  const close = (): Promise<void> => closeInTime(opened, member, gateway.configuration.drainTimeoutMs)
  try {
    // An application has no log of ours: what goes wrong with one client is told to that client.
    const served = await serve({ member, gateway, log: () => {} }, toServeParameters(options.serve, cluster))
    opened.push(() => served.drain())
    return { member, gateway, served, close }
  } catch (error) {
    await close()
    throw toOpenError(error)
  }
}

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use, perhaps by another member',
  EADDRNOTAVAIL: 'it is no address of this machine',
  ENOTFOUND: 'its host name was not found',
  EACCES: 'this user has no permission for it',
  EPERM: 'this user has no permission for it',
}

/** What the system says of an address as an error that tells what to do; anything else as it is. */
function toOpenError(error: unknown): unknown {
  const cause = (error instanceof NetworkError ? error.cause : error) as NodeJS.ErrnoException & {
    readonly address?: string
    readonly hostname?: string
    readonly port?: number
  }
  const problem = LISTEN_PROBLEMS[cause.code ?? '']
  const host = cause.address ?? cause.hostname
  if (problem === undefined || host === undefined || error instanceof HarmonyError) return error
  const where = cause.port === undefined ? host : `${host}:${cause.port}`
  return new HarmonyError(
    'ADDRESS_UNAVAILABLE',
    `This member can't listen at ${where}: ${problem}. Stop what runs there, or choose another address.`,
    { cause: error },
  )
}
