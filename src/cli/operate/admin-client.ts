/** Requests of operators to a member's `/v1/cluster`, with errors that say what to do. */

import { HarmonyError, type HarmonyErrorCode } from '../../base/errors.ts'
import type { ClusterState, MemberRole, TransferRequest } from '../../cluster/cluster-state.ts'
import { typedCommand } from '../program-name.ts'
import type { ConnectionTarget } from '../shell/connection-url.ts'
import { Unreachable } from '../unreachable.ts'

/** Changes wait for the catalog's leader, for longer than an election takes. */
const ANSWER_TIMEOUT_MS = 30_000
const VIEW_TIMEOUT_MS = 2000

interface ErrorAnswer {
  readonly error?: { readonly code: string; readonly message: string }
}

export class AdminClient {
  readonly #target: ConnectionTarget
  readonly #token: string | null

  constructor(target: ConnectionTarget, token: string | null) {
    this.#target = target
    this.#token = token ?? target.token
  }

  state(): Promise<ClusterState> {
    return this.#ask('GET', 'v1/cluster') as Promise<ClusterState>
  }

  /** The views of the other members that answer, each asked at the address that the cluster has of it. */
  async viewsOfOthers(state: ClusterState): Promise<readonly ClusterState[]> {
    const others = state.members.flatMap(({ member, status, addresses }) =>
      member === state.member || status !== 'active' || addresses.http === null ? [] : [addresses.http],
    )
    const views = await Promise.all(others.map((address) => this.#view(address)))
    return views.filter((view) => view !== null && view.cluster === state.cluster) as ClusterState[]
  }

  async addMember(address: string, role: MemberRole): Promise<number> {
    const { member } = (await this.#ask('POST', 'v1/cluster/members', { address, role })) as {
      member: number
    }
    return member
  }

  async removeMember(member: number): Promise<void> {
    await this.#ask('DELETE', `v1/cluster/members/${member}`)
  }

  async promoteMember(member: number): Promise<void> {
    await this.#ask('POST', `v1/cluster/members/${member}/promote`)
  }

  async transfer(request: TransferRequest): Promise<number> {
    const { transferred } = (await this.#ask('POST', 'v1/cluster/transfer', request)) as {
      transferred: number
    }
    return transferred
  }

  async #view(address: string): Promise<ClusterState | null> {
    try {
      const url = new URL('v1/cluster', `${this.#target.origin.protocol}//${address}/`)
      const response = await fetch(url, {
        headers: this.#headers(),
        signal: AbortSignal.timeout(VIEW_TIMEOUT_MS),
      })
      return response.ok ? ((await response.json()) as ClusterState) : null
    } catch {
      return null
    }
  }

  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await this.#send(new URL(path, this.#target.origin), method, body)
    const text = await response.text()
    const answer = parsed(text)
    if (response.ok && answer !== null) return answer
    const error = answer?.error
    if (error !== undefined) throw new HarmonyError(error.code as HarmonyErrorCode, error.message)
    throw new Unreachable(
      `${this.#target.origin.origin} answered ${response.status} and not as a member of HarmonyDB does. Is the URL right?`,
    )
  }

  async #send(url: URL, method: string, body: unknown): Promise<Response> {
    try {
      return await fetch(url, {
        method,
        headers: this.#headers(),
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (error) {
      throw new Unreachable(unreachableText(this.#target.origin.origin, error), { cause: error })
    }
  }

  #headers(): Record<string, string> {
    const token = this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }
    return { 'content-type': 'application/json', ...token }
  }
}

function parsed(text: string): ErrorAnswer | null {
  try {
    const value = JSON.parse(text) as ErrorAnswer | string | number | boolean | null
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}

function unreachableText(origin: string, error: unknown): string {
  if ((error as Error).name === 'TimeoutError')
    return `The member at ${origin} did not answer within ${ANSWER_TIMEOUT_MS / 1000} s.`
  return `No member answers at ${origin} (${reasonOf(error)}). Name another one, or start it: ${typedCommand('start')}`
}

function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: NodeJS.ErrnoException }
  return cause?.code ?? (error as Error).message
}
