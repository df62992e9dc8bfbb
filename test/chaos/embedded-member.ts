/**
 * A member inside an application: what `open()` gives, used by the application itself, while it serves clients of the network, too. The run
 * asks it over its channel; the application does it with the library's own calls, in its own process.
 */

import { isRetryable } from '../../src/base/errors.ts'
import type { HarmonyDB, OpenOptions, Transaction } from '../../src/embed/main.ts'
import { open } from '../../src/embed/main.ts'
import type { ListStep } from './clients.ts'
import { APPEND, READ, READ_LIST, SWAP, think, WRITE } from './clients.ts'
import { NotDone } from './recorder.ts'

export type EmbeddedCall =
  | { readonly kind: 'run'; readonly steps: readonly ListStep[]; readonly thinkMs: number }
  | { readonly kind: 'read'; readonly key: string }
  | { readonly kind: 'write'; readonly key: string; readonly value: number }
  | { readonly kind: 'swap'; readonly key: string; readonly expected: number | null; readonly value: number }

export interface EmbeddedRequest {
  readonly id: number
  readonly call: EmbeddedCall
}

export type EmbeddedAnswer =
  | {
      readonly id: number
      readonly kind: 'done'
      readonly value: unknown
      /** What the library promises and did not keep. */
      readonly complaint: string | null
    }
  | { readonly id: number; readonly kind: 'failed'; readonly isNotDone: boolean; readonly message: string }

const SQL = Object.fromEntries(
  Object.entries({ APPEND, READ, READ_LIST, SWAP, WRITE }).map(([name, sql]) => [
    name,
    sql.replaceAll('$', '?'),
  ]),
) as Record<'APPEND' | 'READ' | 'READ_LIST' | 'SWAP' | 'WRITE', string>

const IS_THERE = 'SELECT 1 FROM lists WHERE element = ?'

async function carryOut(db: HarmonyDB, call: EmbeddedCall): Promise<unknown> {
  switch (call.kind) {
    case 'run':
      return db.transaction(async (transaction) => {
        const done: ListStep[] = []
        for (const step of call.steps) done.push(await take(transaction, step))
        await think(call.thinkMs)
        return done
      })
    case 'read': {
      const { rows } = await db.execute<{ value: number | null }>(SQL.READ, [call.key])
      return rows[0]?.value ?? null
    }
    case 'write':
      await db.execute(SQL.WRITE, [call.key, call.value])
      return null
    case 'swap': {
      const { changes } = await db.execute(SQL.SWAP, [call.key, call.expected, call.value])
      if (changes !== 1) throw new NotDone('compare and set found another value')
      return null
    }
  }
}

async function take(transaction: Transaction, step: ListStep): Promise<ListStep> {
  const [kind, list, element] = step
  if (kind === 'append') {
    await transaction.execute(SQL.APPEND, [list, element])
    return step
  }
  const elements = await transaction.all<{ element: number }>(SQL.READ_LIST, [list])
  return ['r', list, elements.map(({ element: one }) => one)]
}

async function answer(db: HarmonyDB | null, { id, call }: EmbeddedRequest): Promise<EmbeddedAnswer> {
  try {
    if (db === null) throw new NotDone('it is not open yet')
    const value = await carryOut(db, call)
    return { id, kind: 'done', value, complaint: call.kind === 'run' ? complaintOf(db, call.steps) : null }
  } catch (error) {
    const isNotDone = error instanceof NotDone || isRetryable(error)
    return { id, kind: 'failed', isNotDone, message: messageOf(error) }
  }
}

/**
 * A synchronous read sees everything that this process was told of (`src/embed/DESIGN.md`). Not where the application was told to stop meanwhile:
 * then there is nothing to read any more, and what was done is done all the same.
 */
function complaintOf(db: HarmonyDB, steps: readonly ListStep[]): string | null {
  try {
    const unseen = steps.filter(
      ([kind, , element]) => kind === 'append' && db.prepare(IS_THERE).get(Number(element)) === undefined,
    )
    return unseen.length === 0
      ? null
      : `a synchronous read of the embedded member does not see its own acknowledged ${JSON.stringify(unseen)}`
  } catch (error) {
    return isClosing ? null : `a synchronous read of the embedded member failed: ${messageOf(error)}`
  }
}

function messageOf(error: unknown): string {
  const { code, message } = error as { code?: string; message: string }
  return code === undefined ? message : `${code}: ${message}`
}

const [folder = '', options = '{}'] = process.argv.slice(2)
let db: HarmonyDB | null = null
let isClosing = false
process.on('message', (request: EmbeddedRequest) => {
  void answer(db, request).then((message) => process.connected && process.send?.(message))
})
process.on('SIGTERM', () => {
  isClosing = true
  void (db?.close() ?? Promise.resolve()).then(() => process.exit(0))
})
db = await open(folder, JSON.parse(options) as OpenOptions)
