import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Trace, formatLine, selectLines } from './trace.ts'

function traceOf(recording: boolean, changes: (trace: Trace, tick: (us: number) => void) => void): Trace {
  let nowUs = 0
  const trace = new Trace(() => nowUs, recording)
  changes(trace, (us) => (nowUs += us))
  return trace
}

const story = (trace: Trace, tick: (us: number) => void): void => {
  trace.note('start', 1, 0, 0, 0, () => 'starts')
  tick(1500)
  trace.note('role', 1, 0, 2, 0, () => 'becomes leader of term 2')
  tick(1)
  trace.note('apply', 2, 0, 2, 7, () => 'applies index 7')
  trace.note('apply', 3, 0, 2, 8, () => 'applies index 8')
  trace.note('partition', 0, 0, 0, 0, () => 'cuts 1>2')
}

test('the hash is the same with and without recording, and text is built only with it', () => {
  assert.equal(traceOf(true, story).hash, traceOf(false, story).hash)
  assert.equal(traceOf(false, story).lines.length, 0)
  traceOf(false, (trace) => trace.note('start', 1, 0, 0, 0, () => assert.fail('text was built')))
})

test('any difference changes the hash', () => {
  const base = traceOf(false, story).hash
  const variants = [
    traceOf(false, (trace, tick) => {
      tick(1)
      story(trace, tick)
    }),
    traceOf(false, (trace, tick) => {
      story(trace, tick)
      trace.note('crash', 1, 0, 0, 0, () => '')
    }),
    ...([1, 2, 3, 4] as const).map((position) =>
      traceOf(false, (trace, tick) => {
        story(trace, tick)
        const subject = [1, 2, 3, 4].map((number) => (number === position ? number + 2 ** 33 : number))
        trace.note('send', subject[0] ?? 0, subject[1] ?? 0, subject[2] ?? 0, subject[3] ?? 0, () => '')
      }),
    ),
  ]
  const hashes = new Set([base, ...variants.map((each) => each.hash)])
  assert.ok(hashes.size >= variants.length, [...hashes].join(' '))
})

test('lines are selected by member, term and index; turning points and what concerns all stay', () => {
  const { lines } = traceOf(true, story)
  const texts = (interest: { members?: number[]; terms?: number[]; indexes?: number[] }): string[] =>
    selectLines(lines, { members: [], terms: [], indexes: [], ...interest }, 10, 0).map(({ text }) => text)
  assert.equal(texts({}).length, 5)
  assert.deepEqual(texts({ members: [2] }), ['applies index 7', 'cuts 1>2'])
  assert.deepEqual(texts({ indexes: [8] }), [
    'starts',
    'becomes leader of term 2',
    'applies index 8',
    'cuts 1>2',
  ])
  assert.equal(selectLines(lines, { members: [], terms: [], indexes: [] }, 2).length, 2)
  assert.equal(selectLines(lines, { members: [2], terms: [9], indexes: [9] }, 5, 3).length, 2)
})

test('a line reads as a sentence with time and member', () => {
  const { lines } = traceOf(true, story)
  assert.equal(lines[1] && formatLine(lines[1]), '   0.001500  member 1  role       becomes leader of term 2')
})
