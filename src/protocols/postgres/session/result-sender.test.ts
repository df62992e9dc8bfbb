import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Socket } from 'node:net'
import { UnsentAnswers } from '../../../base/unsent-answers.ts'
import { UTC } from '../types/time-zone.ts'
import { AnswersOfTurn } from './answers-of-turn.ts'
import { ClientOutput } from './output.ts'
import type { Portal } from './prepared.ts'
import type { CommandResult } from './result.ts'
import { ResultSender } from './result-sender.ts'

const CLIENTS = 500
const ROWS = 3

test('many who waited for the next turn and go on together, step by step, share slabs', async () => {
  const outputs = Array.from({ length: CLIENTS }, newOutput)
  await Promise.all(
    outputs.map((output) => new ResultSender(output, { timeZone: UTC }).portal(...newResult())),
  )
  const answers = outputs.map(({ encoder }) => encoder.take())
  const slabs = new Set(answers.map(({ buffer }) => buffer))
  assert.ok(slabs.size <= 4, `${slabs.size} slabs for the answers of ${CLIENTS} connections`)
  for (const answer of answers) {
    const types = messageTypes(answer)
    assert.equal(types, `${'D'.repeat(ROWS)}C`)
  }
})

function newOutput(): ClientOutput {
  const limits = { unsentBytesMax: 1024, stallTimeoutMs: 60_000 }
  return new ClientOutput(new Socket(), limits, new UnsentAnswers(Infinity), new AnswersOfTurn())
}

/** Of a statement whose rows have one column, an integer. */
function newResult(): [Portal, CommandResult, number] {
  const rows = Array.from({ length: ROWS }, (_, index) => [BigInt(index)])
  const result: CommandResult = { columns: [], rows, tag: 'SELECT' }
  const portal = { writers: [(out: ClientOutput['encoder']) => out.i32(-1)], nextRow: 0 }
  return [portal as unknown as Portal, result, 0]
}

function messageTypes(bytes: Buffer): string {
  let types = ''
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1))
    types += String.fromCharCode(bytes[at] ?? 0)
  return types
}
