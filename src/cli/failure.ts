/** What a command tells when it can't do its work: one line that says what, why and what to do, and an exit code. */

import { HarmonyError } from '../base/errors.ts'
import { NetworkError } from '../host/network.ts'
import { Unreachable } from './unreachable.ts'
import { UsageError } from './usage-error.ts'

export const EXIT_OK = 0
export const EXIT_FAILED = 1
/** The command line or the environment is wrong. */
export const EXIT_USAGE = 2
/** Stopped by a second Ctrl-C, as shells report it (128 + SIGINT). */
export const EXIT_INTERRUPTED = 130

interface SystemError extends Error {
  readonly code?: string
  readonly address?: string
  readonly port?: number
  readonly path?: string
}

export interface Failure {
  readonly exitCode: number
  readonly message: string
}

/** `command` is null where none was recognised. */
export function describeFailure(error: unknown, command: string | null): Failure {
  if (error instanceof UsageError) {
    return {
      exitCode: EXIT_USAGE,
      message: `${error.message}\nhelp: harmonydb ${command === null ? '' : `${command} `}--help`,
    }
  }
  return { exitCode: EXIT_FAILED, message: describe(error) }
}

function describe(error: unknown): string {
  if (error instanceof HarmonyError) return `${error.message} [${error.code}]`
  if (!(error instanceof Error)) return String(error)
  if (error instanceof Unreachable) return error.message
  if (error instanceof NetworkError)
    return `${error.message} Stop what runs there, or choose another address with --peer-listen.`
  return describeSystemError(error) ?? `Unexpected failure: ${error.message}`
}

function describeSystemError(error: SystemError): string | null {
  const where = error.address === undefined ? error.path : `${bracketed(error.address)}:${error.port}`
  switch (error.code) {
    case 'EADDRINUSE':
      return (
        `${where} is already in use, perhaps by another member. ` +
        `Stop what runs there, or choose another address: --http ${bracketed(error.address ?? '')}:${(error.port ?? 0) + 1}`
      )
    case 'EADDRNOTAVAIL':
      return `${where} is not an address of this machine. Choose another one with --http HOST:PORT.`
    case 'ENOTFOUND':
      return `The host name of --http was not found: ${error.message}`
    case 'EACCES':
    case 'EPERM':
      return `This user has no permission for ${where ?? 'what is needed'}: ${error.message}`
    case 'ENOSPC':
      return `The disk is full: ${error.message}`
    case undefined:
    default:
      return null
  }
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
