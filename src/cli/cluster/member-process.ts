/**
 * One member of a cluster on this machine, as a process of its own that outlives whoever started it. What is known of it stands in
 * its pid file, so that a screen, a script and a person in another terminal see the same, and each may start it again.
 */

import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { MemberPlace } from './cluster-folder.ts'

const LOG_SIZE_BYTES_MAX = 8 * 1024 * 1024
const OWNER_ONLY_FOLDER = 0o700
const POLL_INTERVAL_MS = 50
/** An error further up in the log is of an earlier life. */
const LATE_LINES = 4
const MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url),
)

/** Its process id if it runs, else null. */
export function runningPid(place: MemberPlace): number | null {
  const pid = readPid(place)
  return pid !== null && isMember(pid, place) ? pid : null
}

function readPid({ pidFile }: MemberPlace): number | null {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').trim())
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null
  } catch {
    return null
  }
}

/**
 * The id of a dead member may belong to another process by now, which must be neither taken for it nor stopped. Linux shows command lines
 * (and an empty one of a process that has died and whose parent did not look yet); elsewhere the id has to do.
 */
function isMember(pid: number, { dataFolder }: MemberPlace): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  if (process.platform !== 'linux') return true
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(dataFolder)
  } catch {
    return false
  }
}

/** Starts it, unless it runs. Gives its process id. */
export function startMember(place: MemberPlace): number {
  const running = runningPid(place)
  if (running !== null) return running
  mkdirSync(place.folder, { recursive: true, mode: OWNER_ONLY_FOLDER })
  const log = openLog(place)
  try {
    const child = spawn(process.execPath, [MAIN, ...place.startArguments], {
      detached: true,
      // What it prints besides its log is for the person who started it.
      stdio: ['ignore', 'ignore', log],
    })
    const { pid } = child
    if (pid === undefined) throw new Error(`the process of member ${place.index} could not be started`)
    writeFileSync(place.pidFile, `${pid}\n`)
    child.unref()
    return pid
  } finally {
    closeSync(log)
  }
}

/** The log goes on; a long one is put aside, and the one before that is dropped. */
function openLog({ logFile }: MemberPlace): number {
  const sizeBytes = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0
  if (sizeBytes > LOG_SIZE_BYTES_MAX) renameSync(logFile, `${logFile}.before`)
  return openSync(logFile, 'a')
}

export function signalMember(place: MemberPlace, signal: NodeJS.Signals): void {
  const pid = runningPid(place)
  if (pid !== null) process.kill(pid, signal)
}

/** SIGTERM, and SIGKILL if that does not end it in time. Resolves when it has ended; false if it had to be killed. */
export async function stopMember(place: MemberPlace, timeoutMs: number): Promise<boolean> {
  signalMember(place, 'SIGTERM')
  if (await untilEnded(place, timeoutMs)) return true
  signalMember(place, 'SIGKILL')
  await untilEnded(place, timeoutMs)
  return false
}

async function untilEnded(place: MemberPlace, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs
  while (runningPid(place) !== null) {
    if (performance.now() > deadlineMs) return false
    await sleep(POLL_INTERVAL_MS)
  }
  return true
}

/** Why it ended, as its log has it: the last error of late, else the last line. */
export function endReason({ logFile }: MemberPlace): string {
  try {
    const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LATE_LINES)
    return lines.findLast(isError) ?? lines.at(-1) ?? ''
  } catch {
    return ''
  }
}

export function isError(logLine: string): boolean {
  return /^harmonydb: | error /.test(logLine)
}
