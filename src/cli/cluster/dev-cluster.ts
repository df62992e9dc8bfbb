/** Runs a cluster on this machine: starts what does not run, shows it until it is told to stop, and stops everything. */

import { setTimeout as sleep } from 'node:timers/promises'
import { HarmonyError } from '../../base/errors.ts'
import { lockFolder, type FolderLock } from '../../host/folder-lock.ts'
import { EXIT_FAILED, EXIT_OK } from '../failure.ts'
import type { Environment } from '../options.ts'
import { listenForStop } from '../stop-signal.ts'
import { harmonyVersion } from '../../serve/version.ts'
import { openClusterFolder, type ClusterFolder, type MemberPlace } from './cluster-folder.ts'
import type { ClusterOptions } from './cluster-options.ts'
import { introduction } from './cluster-view.ts'
import { readKeys } from './keys.ts'
import { observeMember, pictureOf, type ClusterPicture } from './member-observation.ts'
import { endReason, isError, runningPid, signalMember, startMember, stopMember } from './member-process.ts'
import { LineScreen, TerminalScreen, type Screen } from './screen.ts'

const LOOK_INTERVAL_MS = 500
/** Without a terminal: lines that nobody watches need not come as often. */
const LOG_INTERVAL_MS = 1000
const START_TIMEOUT_MS = 60_000
/** Longer than a member takes for what is under way, and for handing over, on a busy machine too. */
const STOP_TIMEOUT_MS = 60_000
const APPLICATION_DATABASE = 'default'

/** Resolves with the exit code. */
export async function runDevCluster(options: ClusterOptions, environment: Environment): Promise<number> {
  const cluster = openClusterFolder(options)
  const token = environment['HARMONYDB_AUTH_TOKEN'] ?? null
  const { action } = options
  if (action.kind === 'start') return startOne(memberAt(cluster, action.index), token)
  if (action.kind === 'stop') return stopOne(memberAt(cluster, action.index))
  const lock = lockUnlessShown(cluster)
  if (lock === null) return startMissing(cluster, token)
  try {
    return await run(cluster, token, environment)
  } finally {
    lock.release()
  }
}

/** Null if another process shows this cluster: that one is also who stops it. */
function lockUnlessShown(cluster: ClusterFolder): FolderLock | null {
  try {
    return lockFolder(cluster.path)
  } catch (error) {
    if (error instanceof HarmonyError && error.code === 'DATA_LOCKED') return null
    throw error
  }
}

async function startMissing(cluster: ClusterFolder, token: string | null): Promise<number> {
  console.log(`The cluster in ${cluster.path} is shown by another terminal. What does not run is started.`)
  const codes = await Promise.all(cluster.members.map((place) => startOne(place, token)))
  return Math.max(...codes)
}

function memberAt(cluster: ClusterFolder, index: number): MemberPlace {
  const place = cluster.members[index]
  if (place === undefined) throw new RangeError(`no member ${index}`)
  return place
}

async function startOne(place: MemberPlace, token: string | null): Promise<number> {
  const beganMs = performance.now()
  startMember(place)
  const deadlineMs = beganMs + START_TIMEOUT_MS
  while (performance.now() < deadlineMs) {
    const pid = runningPid(place)
    if (pid === null) return failedToStart(place)
    const seen = await observeMember(place, pid, token)
    if (seen.kind === 'up' && seen.isReady) {
      const tookMs = Math.round(performance.now() - beganMs)
      console.log(`Member ${place.index} serves at ${place.httpUrl}, process ${pid} (${tookMs} ms).`)
      return EXIT_OK
    }
    await sleep(LOOK_INTERVAL_MS / 5)
  }
  console.error(
    `Member ${place.index} runs, and is not ready to serve after ${START_TIMEOUT_MS / 1000} s. Its log: ${place.logFile}`,
  )
  return EXIT_FAILED
}

function failedToStart(place: MemberPlace): number {
  console.error(`Member ${place.index} ended: ${endReason(place)}\nIts log: ${place.logFile}`)
  return EXIT_FAILED
}

async function stopOne(place: MemberPlace): Promise<number> {
  if (runningPid(place) === null) {
    console.log(`Member ${place.index} does not run.`)
    return EXIT_OK
  }
  const isClean = await stopMember(place, STOP_TIMEOUT_MS)
  console.log(`Member ${place.index} has ${isClean ? 'stopped' : 'been killed: it did not stop in time'}.`)
  return isClean ? EXIT_OK : EXIT_FAILED
}

async function run(cluster: ClusterFolder, token: string | null, environment: Environment): Promise<number> {
  const screen = openScreen(cluster, environment)
  const stop = Promise.withResolvers<void>()
  const onForced = (): void => {
    for (const place of cluster.members) signalMember(place, 'SIGKILL')
    screen.close()
  }
  void listenForStop(onForced).received.then(() => stop.resolve())
  process.once('SIGHUP', () => stop.resolve())
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.resolve())
  const closeKeys = openKeys(cluster, screen, stop.resolve)
  process.stdout.write(introduction(cluster, harmonyVersion(), screen.style))
  for (const place of cluster.members) startMember(place)
  await watch(cluster, token, screen, stop.promise)
  closeKeys()
  const isClean = await stopAll(cluster, screen)
  screen.close()
  return isClean ? EXIT_OK : EXIT_FAILED
}

function openScreen(cluster: ClusterFolder, environment: Environment): Screen {
  if (!process.stdout.isTTY || environment['TERM'] === 'dumb')
    return new LineScreen(cluster, (text) => process.stdout.write(text))
  return new TerminalScreen(cluster, process.stdout, (environment['NO_COLOR'] ?? '') === '')
}

function openKeys(cluster: ClusterFolder, screen: Screen, onStop: () => void): () => void {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return () => {}
  let stops = 0
  return readKeys(process.stdin, {
    onStop: () => {
      stops++
      if (stops === 1) onStop()
    },
    onDigit: (index) => toggle(cluster.members[index], screen),
  })
}

/** Kills a member as a machine that fails would, or starts it again. */
function toggle(place: MemberPlace | undefined, screen: Screen): void {
  if (place === undefined) return
  const pid = runningPid(place)
  if (pid === null) {
    screen.note(`member ${place.index} is started again`)
    startMember(place)
  } else {
    screen.note(`member ${place.index} is killed: kill -9 ${pid}`)
    signalMember(place, 'SIGKILL')
  }
}

/** Shows the cluster until `stop` resolves. */
async function watch(
  cluster: ClusterFolder,
  token: string | null,
  screen: Screen,
  stop: Promise<void>,
): Promise<void> {
  const intervalMs = screen instanceof TerminalScreen ? LOOK_INTERVAL_MS : LOG_INTERVAL_MS
  const stopped = stop.then((): true => true)
  const failures = new FailureNotes(screen)
  const ready = new ReadyNote(screen)
  do {
    const seen = Promise.all(cluster.members.map((place) => observeMember(place, runningPid(place), token)))
    const observations = await Promise.race([seen, stopped])
    if (!Array.isArray(observations)) return
    const picture = pictureOf(observations, APPLICATION_DATABASE)
    failures.look(picture)
    ready.look(picture)
    screen.show(picture)
  } while (!(await Promise.race([stopped, sleep(intervalMs, false)])))
}

/** Tells once how long the start took. */
class ReadyNote {
  readonly #screen: Screen
  readonly #beganMs = performance.now()
  #isTold = false

  constructor(screen: Screen) {
    this.#screen = screen
  }

  look({ rows }: ClusterPicture): void {
    if (this.#isTold || rows.some(({ status }) => status !== 'up')) return
    this.#isTold = true
    this.#screen.note(`all members are ready (${Math.round(performance.now() - this.#beganMs)} ms)`)
  }
}

/** A member that ends by itself has said why in its log; whoever watches should not have to look there. */
class FailureNotes {
  readonly #screen: Screen
  readonly #told = new Set<number>()

  constructor(screen: Screen) {
    this.#screen = screen
  }

  look(picture: ClusterPicture): void {
    for (const { place, status } of picture.rows) {
      if (status === 'up') this.#told.delete(place.index)
      if (status !== 'down' || this.#told.has(place.index)) continue
      this.#told.add(place.index)
      const reason = endReason(place)
      if (isError(reason)) this.#screen.note(`member ${place.index}: ${reason}`)
    }
  }
}

async function stopAll(cluster: ClusterFolder, screen: Screen): Promise<boolean> {
  screen.note('stopping; what is under way is finished first')
  const clean = await Promise.all(cluster.members.map((place) => stopMember(place, STOP_TIMEOUT_MS)))
  const killed = clean.flatMap((isClean, index) => (isClean ? [] : [index]))
  if (killed.length > 0) screen.note(`did not stop in time and were killed: member ${killed.join(', ')}`)
  else screen.note('stopped')
  return killed.length === 0
}
