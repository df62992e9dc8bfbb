/**
 * A network of its own for each member, on this machine: Linux network namespaces, joined by a bridge. Needs root. Cutting a member off from
 * another one is a blackhole route in its namespace: packets vanish, as from a cable that is pulled, and nobody gets a reset. In one
 * namespace only it is a one-way partition. Packets are lost by a BPF program that draws a random number for each; and
 * a narrow cable is a token bucket with a queue, in which packets wait. (`tc netem` would do both, but many kernels are built without it.)
 */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const SUBNET = '10.77.0'
const BRIDGE = 'harmonychaos'
/** Says which process made the bridge. */
const ALIAS_FILE = `/sys/class/net/${BRIDGE}/ifalias`

export class Namespaces implements Disposable {
  readonly #count: number
  readonly #cut = new Set<string>()
  /** Whether packets can be lost at random. */
  readonly canLose: boolean
  /** Whether cables can be narrow. */
  readonly canNarrow: boolean

  /** Null where this user or this system can't do it. Throws while another run has its networks here: it would lose them. */
  static create(count: number): Namespaces | null {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return null
    const owner = existsSync(ALIAS_FILE) ? livingOwner(readFileSync(ALIAS_FILE, 'utf8')) : null
    if (owner !== null)
      throw new Error(`Process ${owner} has a chaos run under way on this machine; wait for its end.`)
    remove(count)
    return ip('link', 'add', 'name', BRIDGE, 'type', 'bridge') ? new Namespaces(count) : null
  }

  private constructor(count: number) {
    this.#count = count
    must(ip('addr', 'add', `${SUBNET}.254/24`, 'dev', BRIDGE), 'the address of the bridge')
    must(ip('link', 'set', BRIDGE, 'alias', String(process.pid)), 'the alias of the bridge')
    must(ip('link', 'set', BRIDGE, 'up'), 'the bridge')
    for (let index = 0; index < count; index++) this.#add(index)
    process.once('exit', () => this[Symbol.dispose]())
    this.canLose = this.lose(0, 1)
    this.canNarrow = this.narrow(0, 1_000)
    this.restore(0)
  }

  host(index: number): string {
    return `${SUBNET}.${index + 1}`
  }

  /** The command that runs a program in the namespace of a member. */
  prefix(index: number): readonly string[] {
    return ['ip', 'netns', 'exec', nameOf(index)]
  }

  /** What `from` sends to `to` vanishes. */
  cut(from: number, to: number): void {
    this.#cut.add(`${from} ${to}`)
    inside(from, 'ip', 'route', 'replace', 'blackhole', `${this.host(to)}/32`)
  }

  heal(): void {
    for (const pair of this.#cut) {
      const [from = 0, to = 0] = pair.split(' ').map(Number)
      inside(from, 'ip', 'route', 'del', 'blackhole', `${this.host(to)}/32`)
    }
    this.#cut.clear()
  }

  /** So much of what a member sends is lost. False where the kernel can't. */
  lose(index: number, lossPercent: number): boolean {
    const bytecode = dropping(lossPercent / 100)
    return (
      inside(index, 'tc', 'qdisc', 'replace', 'dev', 'eth0', 'clsact') &&
      inside(
        index,
        ...`tc filter replace dev eth0 egress pref 1 handle 1 bpf da bytecode`.split(' '),
        bytecode,
      )
    )
  }

  /** What a member sends has to go through a cable of so many kilobits a second, and waits for up to half a second before it. False where the kernel can't. */
  narrow(index: number, kilobits: number): boolean {
    const bucket = ['tbf', 'rate', `${kilobits}kbit`, 'burst', '4k', 'latency', '500ms']
    return inside(index, 'tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...bucket)
  }

  restore(index: number): void {
    inside(index, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'clsact')
    inside(index, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'root')
  }

  [Symbol.dispose](): void {
    remove(this.#count)
  }

  #add(index: number): void {
    const [name, outside] = [nameOf(index), outsideOf(index)]
    must(ip('netns', 'add', name), `the namespace ${name}`)
    must(
      ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name),
      `the cable ${outside}`,
    )
    must(ip('link', 'set', outside, 'master', BRIDGE, 'up'), `the cable ${outside}`)
    inside(index, 'ip', 'addr', 'add', `${this.host(index)}/24`, 'dev', 'eth0')
    inside(index, 'ip', 'link', 'set', 'lo', 'up')
    inside(index, 'ip', 'link', 'set', 'eth0', 'up')
  }
}

/**
 * Classic BPF, as `tc` takes it (`code jt jf k`): load a random word (an ancillary load, SKF_AD_OFF + SKF_AD_RANDOM); at or above the threshold skip one
 * instruction; return TC_ACT_SHOT (2); return TC_ACT_OK (0).
 */
function dropping(probability: number): string {
  const threshold = Math.floor(probability * 2 ** 32)
  return `4,32 0 0 ${0xfffff000 + 56},53 1 0 ${threshold},6 0 0 2,6 0 0 0`
}

/** The process that an alias names; null if it has ended, and left its bridge behind. */
export function livingOwner(alias: string): number | null {
  const pid = Number(alias)
  return pid > 0 && existsSync(`/proc/${pid}`) ? pid : null
}

function nameOf(index: number): string {
  return `${BRIDGE}-${index}`
}

/** The end of its cable that is at the bridge. */
function outsideOf(index: number): string {
  return `${BRIDGE}${index}`
}

/** A run that was killed has left its members behind, and with them its cables. */
function remove(count: number): void {
  for (let index = 0; index < count; index++) {
    endProcesses(nameOf(index))
    ip('netns', 'del', nameOf(index))
    ip('link', 'del', outsideOf(index))
  }
  ip('link', 'del', BRIDGE)
}

/** Of a namespace, with SIGKILL. */
export function endProcesses(namespace: string): void {
  const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
  const running = (stdout ?? '').split('\n').filter((pid) => pid !== '')
  if (running.length > 0) spawnSync('kill', ['-KILL', ...running])
}

function inside(index: number, ...command: readonly string[]): boolean {
  return ip('netns', 'exec', nameOf(index), ...command)
}

function ip(...args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0
}

function must(isDone: boolean, what: string): void {
  if (!isDone) throw new Error(`${what} could not be made`)
}
