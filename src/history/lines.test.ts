import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Random } from '../../sim/random.ts'
import { HistoryFormatError } from './history-format-error.ts'
import { Lines } from './lines.ts'

function linesOf(pieces: readonly string[], lengthMax?: number): string[] {
  const taken: string[] = []
  const lines = new Lines((line) => taken.push(line), lengthMax)
  for (const piece of pieces) lines.write(piece)
  lines.end()
  return taken
}

test('lines are the same, however the text is cut', () => {
  const random = new Random('lines')
  for (let at = 0; at < 500; at++) {
    const text = Array.from({ length: 20 }, () => random.pick(['a', 'bc', '\n', '\n\n', ''])).join('')
    const cuts = [0, random.integer(0, text.length), random.integer(0, text.length), text.length].toSorted(
      (left, right) => left - right,
    )
    const pieces = cuts.slice(1).map((cut, piece) => text.slice(cuts[piece], cut))
    assert.deepEqual(linesOf(pieces), text.split('\n'), JSON.stringify(pieces))
  }
})

test('a line without end is refused before it fills the memory', () => {
  assert.deepEqual(linesOf(['12\n12345', '678\n', '1'], 8), ['12', '12345678', '1'])
  assert.throws(
    () => linesOf(['12\n12345', '6789'], 8),
    (error: unknown) =>
      error instanceof HistoryFormatError && error.message.startsWith('line 2: longer than 8'),
  )
})
