/**
 * How a member without a number gets one: it joins a cluster that it finds, or founds one together with others. DESIGN.md says why no
 * two clusters come of it.
 *
 * ```
 *            a member answers                      the smallest address of N that are all new
 *   asking ──────────────────▶ joining ──▶ member        asking ──▶ claiming ──▶ founder, member 1
 *     ▲  └── nobody, or too few: wait ──┘                              │ fewer than N promises
 *     └────────────────────────────────────────────────────────────────┘
 * ```
 */

import { DecodeError } from '../base/bytes.ts'
import { HarmonyError, isRetryable } from '../base/errors.ts'
import type { HarmonyErrorCode } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import { sleep } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import { VISIT_KINDS } from './call-kinds.ts'
import type { MemberIdentity } from './identity.ts'
import { foundingIdentity } from './identity.ts'
import type { IncomingCall } from './transport/call-server.ts'
import type { TransportLog } from './transport/context.ts'
import type { VisitOutcome } from './transport/visit.ts'
import * as codec from './visit-codec.ts'
import type { Newcomer, Standing } from './visit-codec.ts'

export interface NewcomerOptions {
  readonly self: Newcomer
  /** Peer addresses where members or other newcomers may be, this member's own perhaps among them. Asked for in each round. */
  readonly addresses: () => Promise<readonly string[]>
  /** With how many, itself included, it may found a cluster; 0 to join one only. */
  readonly expected: number
  /** Never rejects. */
  readonly visit: (
    address: string,
    request: { kind: number; payload: Uint8Array; timeoutMs: number },
  ) => Promise<VisitOutcome>
  readonly clock: Clock
  readonly random: Random
  readonly log: TransportLog
  /** Gives up, as soon as the present question is answered. */
  readonly signal?: AbortSignal | undefined
}

const ROUND_MS = 250
const HELLO_TIMEOUT_MS = 2_000
const JOIN_TIMEOUT_MS = 20_000
/**
 * A promise not to found a cluster oneself, nor to promise it to another, holds at least that long, by far longer than a claim; and then until its
 * claimant is seen to have no cluster. One that nobody sees may have founded it.
 */
const PROMISE_MS = 15_000
const CLAIM_MS = 5_000
const REPORT_INTERVAL_MS = 10_000

interface Answer {
  readonly address: string
  readonly standing: Standing
}

export class Newcomers {
  readonly #options: NewcomerOptions
  #promise: { readonly token: string; readonly address: string; readonly untilMs: number } | null = null
  #lastReportMs = Number.NEGATIVE_INFINITY
  /** Addresses of the last round, this member's own included. */
  #addressCount = 1

  constructor(options: NewcomerOptions) {
    this.#options = options
  }

  /** Answers other newcomers until `settle` resolves. */
  async answer({ kind, payload }: IncomingCall): Promise<Uint8Array> {
    switch (kind) {
      case VISIT_KINDS.hello:
        return codec.encodeStanding(this.#standing())
      case VISIT_KINDS.claim:
        return codec.encodeClaim(this.#promiseTo(decoded(() => codec.decodeNewcomer(payload))))
      default:
        throw new HarmonyError('NOT_LEADER', 'This member belongs to no cluster itself yet. Try again.')
    }
  }

  /** Resolves when this member has a number. Rejects if a member says that it never will get one. */
  async settle(): Promise<MemberIdentity> {
    const { clock, signal } = this.#options
    for (;;) {
      if (signal?.aborted === true) throw new HarmonyError('SHUTTING_DOWN', 'The member is stopping.')
      const answers = await this.#askAll()
      this.#releasePromise(answers)
      const identity = (await this.#joinAny(answers)) ?? (await this.#found(answers))
      if (identity !== null) return identity
      this.#report(answers)
      await sleep(clock, ROUND_MS * (0.5 + this.#options.random.float()))
    }
  }

  #standing(): Standing {
    const { self, expected } = this.#options
    return {
      token: self.token,
      peerAddress: self.addresses.peer,
      cluster: '',
      member: 0,
      expected,
      peers: [],
    }
  }

  /** Everyone who answers, each once, without this member itself. */
  async #askAll(): Promise<Answer[]> {
    const { self, addresses } = this.#options
    const others = new Set(await addresses())
    // This one may be among them, under any address: its token tells.
    this.#addressCount = new Set([...others, self.addresses.peer]).size
    const answers = await Promise.all([...others].map((address) => this.#hello(address)))
    const found = new Map<string, Answer>()
    for (const answer of answers) {
      if (answer !== null && answer.standing.token !== self.token) found.set(answer.standing.token, answer)
    }
    return [...found.values()]
  }

  async #hello(address: string): Promise<Answer | null> {
    const payload = codec.encodeNewcomer(this.#options.self)
    const request = { kind: VISIT_KINDS.hello, payload, timeoutMs: HELLO_TIMEOUT_MS }
    const outcome = await this.#options.visit(address, request)
    if (outcome.kind === 'answered')
      return { address, standing: decoded(() => codec.decodeStanding(outcome.payload)) }
    if (outcome.kind === 'refused') throw refusal(address, outcome.problem)
    return null
  }

  /** Null if none of them is a member, or none can take this one now. */
  async #joinAny(answers: readonly Answer[]): Promise<MemberIdentity | null> {
    for (const { address, standing } of answers) {
      if (standing.member === 0) continue
      const identity = await this.#join(address)
      if (identity !== null) return identity
    }
    return null
  }

  async #join(address: string): Promise<MemberIdentity | null> {
    const { self, visit, log } = this.#options
    const payload = codec.encodeNewcomer(self)
    const outcome = await visit(address, { kind: VISIT_KINDS.join, payload, timeoutMs: JOIN_TIMEOUT_MS })
    if (outcome.kind === 'answered') {
      const admission = decoded(() => codec.decodeAdmission(outcome.payload))
      log('info', 'Joined a cluster', { cluster: admission.cluster, member: admission.member, address })
      const peers = admission.peers.filter(({ member }) => member !== admission.member)
      return { ...admission, peers, incarnation: 0, isRemoved: false, isLost: false, isPutAside: false }
    }
    if (outcome.kind === 'refused') throw refusal(address, outcome.problem)
    if (outcome.kind === 'failed') {
      const error = new HarmonyError(outcome.code as HarmonyErrorCode, outcome.message)
      if (!isRetryable(error) && error.code !== 'OUTCOME_UNKNOWN') throw error
      log('info', 'A member can not take this one now', { address, reason: error.message })
    }
    return null
  }

  /** Null unless enough others are there, all of them new, and this one's address is the smallest. */
  async #found(answers: readonly Answer[]): Promise<MemberIdentity | null> {
    const { self, expected, clock, random, log } = this.#options
    if (expected === 0 || answers.length + 1 < expected) return null
    // Two groups of half of them could each have enough promises.
    if (expected <= this.#addressCount / 2) return null
    if (answers.some(({ standing }) => standing.member !== 0 || standing.expected === 0)) return null
    const own = self.addresses.peer
    if (answers.some(({ standing }) => standing.peerAddress <= own)) return null
    const startMs = clock.nowMs()
    if (!this.#promiseTo(self).granted) return null
    const granted = await Promise.all(answers.map(({ address }) => this.#claim(address)))
    const votes = 1 + granted.filter(Boolean).length
    if (votes < expected || clock.nowMs() - startMs > CLAIM_MS) {
      this.#promise = null
      return null
    }
    const identity = foundingIdentity(random)
    log('info', 'Founded a cluster', { cluster: identity.cluster, members: votes })
    return identity
  }

  async #claim(address: string): Promise<boolean> {
    const payload = codec.encodeNewcomer(this.#options.self)
    const request = { kind: VISIT_KINDS.claim, payload, timeoutMs: HELLO_TIMEOUT_MS }
    const outcome = await this.#options.visit(address, request)
    return outcome.kind === 'answered' && decoded(() => codec.decodeClaim(outcome.payload)).granted
  }

  #promiseTo({ token, addresses }: Newcomer): codec.Claim {
    const { clock, expected } = this.#options
    const nowMs = clock.nowMs()
    if (expected === 0) return { granted: false, promisedTo: '' }
    if (this.#promise !== null && this.#promise.token !== token)
      return { granted: false, promisedTo: this.#promise.address }
    this.#promise = { token, address: addresses.peer, untilMs: nowMs + PROMISE_MS }
    return { granted: true, promisedTo: addresses.peer }
  }

  #releasePromise(answers: readonly Answer[]): void {
    const promise = this.#promise
    if (promise === null || promise.untilMs > this.#options.clock.nowMs()) return
    // Or another folder at its address: whatever it founded is not there any more.
    const isFree = ({ standing: { token, peerAddress, member } }: Answer): boolean =>
      member === 0 && (token === promise.token || peerAddress === promise.address)
    if (answers.some(isFree)) this.#promise = null
  }

  #report(answers: readonly Answer[]): void {
    const { clock, expected, log } = this.#options
    if (clock.nowMs() - this.#lastReportMs < REPORT_INTERVAL_MS) return
    this.#lastReportMs = clock.nowMs()
    const seen = answers.map(({ standing }) => standing.peerAddress).join(' ')
    if (expected === 0) log('info', 'Waiting for a member of the cluster to join', { answering: seen })
    else log('info', 'Waiting for the members to found a cluster with', { expected, answering: seen })
    const promise = this.#promise
    if (promise !== null && promise.untilMs <= clock.nowMs())
      log('warn', 'A member may have founded a cluster and can not be reached', { address: promise.address })
  }
}

function refusal(address: string, problem: string): HarmonyError {
  return new HarmonyError('MEMBERSHIP_REFUSED', `The member at ${address} can't be asked to join: ${problem}`)
}

function decoded<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const text = `A visit can't be read (${error.message}): one side may be of a later version.`
    throw new HarmonyError('REQUEST_INVALID', text)
  }
}
