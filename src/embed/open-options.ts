/** What `open` was given, looked at before anything is made of it: a name that is not known would be an option that does nothing. */

import { statSync } from 'node:fs'
import { HarmonyError } from '../base/errors.ts'
import type { OpenOptions } from './open.ts'

/** The compiler says so when one is missing here. */
const KNOWN: Readonly<Record<keyof OpenOptions, true>> = {
  name: true,
  statementTimeoutMs: true,
  listen: true,
  advertise: true,
  peers: true,
  expect: true,
  join: true,
  secret: true,
  tls: true,
  http: true,
  pg: true,
  pgTls: true,
  httpAdvertise: true,
  pgAdvertise: true,
  authToken: true,
  jwtKeys: true,
  insecure: true,
  allowedOrigins: true,
}

/** Throws ARGS_INVALID. */
export function checkFolder(folder: unknown): void {
  if (typeof folder !== 'string' || folder === '')
    throw invalid(
      `open() was given ${folder === '' ? 'an empty path' : `${typeof folder} as its folder`}: give the path of the data folder, such as './data'. ` +
        'It is made if it is missing.',
    )
  if (isNoFolder(folder))
    throw invalid(
      `${folder} is a file, and a database needs a folder of its own: give the path of one, such as './data'. ` +
        'It is made if it is missing.',
    )
}

/** What can't be looked at is left to whoever opens it, and has a better error. */
function isNoFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false
  } catch {
    return false
  }
}

/** Throws ARGS_INVALID. */
export function checkOpenOptions(options: object): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(KNOWN, name))
  if (unknown === undefined) return
  throw invalid(`open() has no option \`${unknown}\`. There are ${Object.keys(KNOWN).join(', ')}.`)
}

/** Throws ARGS_INVALID. */
export function checkStatementTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs === undefined || (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs < 2 ** 31))
    return
  throw invalid(
    `\`statementTimeoutMs\` is ${timeoutMs}: it must be a number of milliseconds from 1 to ${2 ** 31 - 1}.`,
  )
}

function invalid(message: string): HarmonyError {
  return new HarmonyError('ARGS_INVALID', message)
}
