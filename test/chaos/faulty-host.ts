/**
 * A machine whose clock jumps, whose disk is slow, and whose network to other members is slow: preloaded into a member's processes
 * and threads (`--import`), where it stands between the member and Node.js. What is wrong at the moment says a small file that
 * every thread reads ten times a second, so that a running member can be hurt and healed. The member's own code knows nothing of it.
 *
 * Why not the machine itself: its clock is everybody's, and slow disks and networks need kernel modules that many machines lack. What
 * this can't do: SQLite's own reads and writes, and its own look at the clock, go past Node.js.
 *
 * With `CHAOS_HOST` (the file) and `CHAOS_PEER_PORT` (of members) in the environment.
 */

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import workers from 'node:worker_threads'

export interface HostTrouble {
  /** What the wall clock is off by. */
  readonly clockOffsetMs: number
  /** What each write that must be durable, and each sync, takes longer at most. */
  readonly diskDelayMs: number
  /** What each piece that another member sent takes longer at most; the order stays. */
  readonly networkDelayMs: number
}

export const NO_TROUBLE: HostTrouble = { clockOffsetMs: 0, diskDelayMs: 0, networkDelayMs: 0 }

const LOOK_INTERVAL_MS = 100

let trouble = NO_TROUBLE

function look(file: string): void {
  try {
    trouble = JSON.parse(fs.readFileSync(file, 'utf8')) as HostTrouble
  } catch {
    // It is being written: the next look finds it.
  }
}

function upTo(delayMs: number): number {
  return Math.random() * delayMs
}

function wrapClock(): void {
  const RealDate = Date
  const now = (): number => RealDate.now() + trouble.clockOffsetMs
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
    apply: () => new RealDate(now()).toString(),
    get: (target, name, receiver) =>
      name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown),
  })
}

type Call = (this: unknown, ...args: unknown[]) => unknown

/** `lateness` runs before each call of the method. */
function delayCalls(owner: object, name: string, lateness: () => unknown): void {
  const methods = owner as Record<string, Call>
  const real = methods[name] as Call
  methods[name] = function delayed(...args: unknown[]): unknown {
    const waiting = lateness()
    return waiting instanceof Promise ? waiting.then(() => real.apply(this, args)) : real.apply(this, args)
  }
}

async function wrapDisk(): Promise<void> {
  const handle = await fs.promises.open(import.meta.filename, 'r')
  const prototype = Object.getPrototypeOf(handle) as object
  await handle.close()
  const later = (): unknown =>
    trouble.diskDelayMs > 0
      ? new Promise<void>((resolve) => setTimeout(resolve, upTo(trouble.diskDelayMs)))
      : undefined
  for (const name of ['write', 'sync', 'datasync']) delayCalls(prototype, name, later)
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const block = (): unknown =>
    trouble.diskDelayMs > 0 ? Atomics.wait(cell, 0, 0, upTo(trouble.diskDelayMs)) : undefined
  for (const name of ['writeSync', 'fsyncSync', 'fdatasyncSync']) delayCalls(fs, name, block)
}

/** What arrives from other members is handed on later. Timers may fire in another order than they are due, so each takes the piece that is first. */
function wrapNetwork(peerPort: number): void {
  const prototype = net.Socket.prototype as {
    push: (this: net.Socket, chunk: Buffer | null) => boolean
  }
  const real = prototype.push
  const held = new WeakMap<net.Socket, (Buffer | null)[]>()
  prototype.push = function push(this: net.Socket, chunk: Buffer | null): boolean {
    const isPeer = this.localPort === peerPort || this.remotePort === peerPort
    const delayMs = isPeer ? upTo(trouble.networkDelayMs) : 0
    const pieces = held.get(this) ?? []
    if (delayMs === 0 && pieces.length === 0) return real.call(this, chunk)
    held.set(this, pieces)
    pieces.push(chunk)
    setTimeout(() => {
      const first = pieces.shift()
      if (first !== undefined && !this.destroyed) real.call(this, first)
    }, delayMs)
    return true
  }
}

/** Threads that say which options they run with would run on a sound machine. */
function wrapThreads(): void {
  const RealWorker = workers.Worker
  workers.Worker = class extends RealWorker {
    constructor(file: string | URL, options: workers.WorkerOptions = {}) {
      const execArgv = [...(options.execArgv ?? process.execArgv), '--import', import.meta.url]
      super(file, options.eval === true ? options : { ...options, execArgv })
    }
  }
}

const { CHAOS_HOST: file, CHAOS_PEER_PORT: peerPort } = process.env
if (file !== undefined && peerPort !== undefined) {
  look(file)
  setInterval(() => look(file), LOOK_INTERVAL_MS).unref()
  wrapClock()
  wrapNetwork(Number(peerPort))
  wrapThreads()
  await wrapDisk()
  syncBuiltinESMExports()
}
