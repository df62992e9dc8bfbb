/**
 * PostgreSQL's own parser, as WebAssembly. It is loaded with the first connection: an idle member that nobody talks PostgreSQL to is
 * several megabytes smaller without it.
 */

import { must } from '../../../base/assert.ts'
import { PgError } from '../error.ts'
import type * as Parser from 'libpg-query'

type RawStmt = Parser.RawStmt

let parser: typeof Parser | null = null
let loading: Promise<void> | null = null

/** Before the first `parseTree`. Costs some 20 ms, once. */
export function loadParser(): Promise<void> {
  loading ??= load()
  return loading
}

async function load(): Promise<void> {
  const module = await import('libpg-query')
  await module.loadModule()
  parser = module
}

/** The statements of a script. Throws PgError 42601 with its position. */
export function parseTree(sql: string): readonly RawStmt[] {
  // The parser takes C strings: it would silently stop at a zero byte.
  if (sql.includes('\0')) throw new PgError('22021', 'invalid byte sequence for encoding "UTF8": 0x00')
  if (sql.trim() === '') return []
  try {
    return loaded().parseSync(sql).stmts ?? []
  } catch (error) {
    throw syntaxError(error)
  }
}

function loaded(): typeof Parser {
  return must(parser, 'the parser is loaded before anything is parsed')
}

function syntaxError(error: unknown): PgError {
  if (!(error instanceof Error)) throw error
  const position = loaded().hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? -1) : -1
  return new PgError('42601', error.message, position < 0 ? {} : { position: position + 1 })
}

/** Offsets in the tree count bytes of UTF-8; texts and positions for clients count characters. */
export class Offsets {
  readonly #sql: string
  readonly #bytes: Buffer | null

  constructor(sql: string) {
    this.#sql = sql
    const bytes = Buffer.from(sql)
    this.#bytes = bytes.length === sql.length ? null : bytes
  }

  /** Index into the JavaScript string. */
  index(byteOffset: number): number {
    if (this.#bytes === null) return byteOffset
    return this.#bytes.subarray(0, byteOffset).toString('utf8').length
  }

  /** From 1, in code points, as ErrorResponse wants it. */
  position(byteOffset: number): number {
    const before = this.#sql.slice(0, this.index(byteOffset))
    return Array.from(before).length + 1
  }
}
