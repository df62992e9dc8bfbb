import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Anomaly } from './anomaly.ts'
import { checkHistory } from './check-history.ts'
import { parseHistory } from './history-file.ts'
import { HistoryFormatError } from './history-format-error.ts'
import { verdictText } from './verdict-text.ts'

const line = (process: number, type: string, f: string, value: unknown, key?: string): string =>
  JSON.stringify({ process, type, f, value, key })

const verdictOf = (...lines: string[]) => checkHistory(parseHistory(lines))

/** One appends, another one reads. */
const kindsOf = (appended: unknown, read: unknown): readonly string[] =>
  verdictOf(
    line(0, 'invoke', 'txn', [['append', 'x', appended]]),
    line(0, 'ok', 'txn', [['append', 'x', appended]]),
    line(1, 'invoke', 'txn', [['r', 'x', null]]),
    line(1, 'ok', 'txn', [['r', 'x', [read]]]),
  ).findings.map(({ kind }) => kind)

test('registers: a stale read is told with the operations before it', () => {
  const verdict = verdictOf(
    line(0, 'invoke', 'write', 3, 'x'),
    line(0, 'ok', 'write', 3, 'x'),
    line(1, 'invoke', 'read', null, 'x'),
    line(1, 'ok', 'read', null, 'x'),
    line(1, 'invoke', 'read', null, 'y'),
    line(1, 'ok', 'read', null, 'y'),
  )
  assert.equal(verdict.findings.length, 1)
  assert.match(
    verdictText(verdict),
    /linearizable: NO\n\nregister "x": no order.*\n {2}write 3 .*\n {2}now it holds 3.*\n✗ read → null/,
  )
})

test('registers: values that are written again, failures and unknown outcomes', () => {
  const verdict = verdictOf(
    line(0, 'invoke', 'write', 1),
    line(0, 'ok', 'write', 1),
    line(1, 'invoke', 'write', 2),
    line(1, 'info', 'write', 2),
    line(2, 'invoke', 'cas', [9, 4]),
    line(2, 'fail', 'cas', [9, 4]),
    line(2, 'invoke', 'read', null),
    line(2, 'ok', 'read', 2),
    line(0, 'invoke', 'write', 1),
    line(0, 'ok', 'write', 1),
    line(2, 'invoke', 'cas', [1, 5]),
    line(2, 'ok', 'cas', [1, 5]),
    line(3, 'invoke', 'read', null),
  )
  assert.equal(verdict.findings.length, 0)
  assert.match(
    verdictText(verdict),
    /7 operations .* 4 processes, 1 keys: 4 ok, 1 failed, 2 unknown\nlinearizable: yes/,
  )
})

test('lists: what a circle is made of, each step with its reason', () => {
  const verdict = verdictOf(
    line(0, 'invoke', 'txn', [['append', 'x', 1]]),
    line(0, 'ok', 'txn', [['append', 'x', 1]]),
    line(1, 'invoke', 'txn', [['r', 'x', null]]),
    line(1, 'ok', 'txn', [['r', 'x', []]]),
  )
  assert.equal(
    verdictText(verdict),
    `2 transactions on lists by 2 processes, 1 keys: 2 ok, 0 failed, 0 unknown

strictly serializable: NO

G-single-realtime, which breaks strict serializability: a read missed what was finished before it began
  T2 (process 1, lines 3 to 4): read "x" []
    │ rw: T2 read "x" as [], before T1 appended 1
    ▼
  T1 (process 0, lines 1 to 2): append "x" 1
    │ realtime: T1 was answered before T2 was asked
    ▼
  T2, where it began`,
  )
})

test('lists: a text is not the number that it looks like, and anything may be an element', () => {
  for (const element of [1, 0.5, '1', '', null, true, [1], { a: 1 }])
    assert.deepEqual(kindsOf(element, element), [])
  for (const [appended, read] of [
    ['1', 1],
    [1, '1'],
    ['[1]', [1]],
    [null, 'null'],
  ])
    assert.ok(kindsOf(appended, read).includes('garbage'), JSON.stringify([appended, read]))
})

test('lists: answers come in another order than questions, and some never', () => {
  const verdict = verdictOf(
    line(0, 'invoke', 'txn', [['append', 'x', 1]]),
    line(1, 'invoke', 'txn', [['append', 'x', 2]]),
    line(2, 'invoke', 'txn', [['append', 'x', 3]]),
    line(3, 'invoke', 'txn', [['r', 'x', null]]),
    line(3, 'ok', 'txn', [['r', 'x', [3, 2, 1]]]),
    line(1, 'ok', 'txn', [['append', 'x', 2]]),
    line(0, 'fail', 'txn', [['append', 'x', 1]]),
  )
  assert.deepEqual(verdict.counts, { operations: 4, ok: 2, fail: 1, info: 1, processes: 4, keys: 1 })
  const [finding, ...others] = verdict.findings as readonly Anomaly[]
  assert.deepEqual([finding?.kind, finding?.transactions.map(({ number }) => number)], ['G1a', [4, 1]])
  assert.deepEqual(others, [])
})

test('what is no operation is left out: empty lines, a byte order mark, the nemesis', () => {
  const verdict = verdictOf(
    `\uFEFF${line(0, 'invoke', 'write', 1)}`,
    '{"process":"nemesis","type":"info","f":"kill","value":["n1"]}',
    '',
    '{"process":0,"type":"ok","f":"write"}',
  )
  assert.deepEqual([verdict.counts.operations, verdict.counts.ok, verdict.findings], [1, 1, []])
})

test('lists: where an element is appended twice, nothing is decided', () => {
  const verdict = verdictOf(
    line(0, 'invoke', 'txn', [['append', 'x', 1]]),
    line(1, 'invoke', 'txn', [['append', 'x', 1]]),
  )
  assert.match(verdictText(verdict), /serializable: not decided\n\nunusable, which breaks the rule/)
})

test('what is no history is refused with its line', () => {
  const cases: readonly (readonly [RegExp, readonly string[]])[] = [
    [/^line 1: an empty history/, []],
    [/^line 1: no JSON: .*position 1$/, ['{']],
    [/^line 1: no JSON: .*end of JSON/, ['{"process":']],
    [/^line 2: no JSON object/, ['', '[]']],
    [/"type" is none/, ['{"process":0,"type":"nemesis","f":"kill"}']],
    [/"f" is no string/, ['{"process":0,"type":"invoke"}']],
    [/"process" is no number/, ['{"type":"invoke","f":"read"}']],
    [/^line 2: process 0 asks again/, [line(0, 'invoke', 'read', null), line(0, 'invoke', 'read', null)]],
    [/did not ask/, [line(0, 'ok', 'read', null)]],
    [/asked read and hears of write/, [line(0, 'invoke', 'read', null), line(0, 'ok', 'write', 1)]],
    [/asked for "x" and hears of "y"/, [line(0, 'invoke', 'write', 1, 'x'), line(0, 'ok', 'write', 1, 'y')]],
    [
      /a write of 1 was asked, and one of 2 is answered/,
      [line(0, 'invoke', 'write', 1), line(0, 'ok', 'write', 2)],
    ],
    [/a cas of \[1,2\] was asked/, [line(0, 'invoke', 'cas', [1, 2]), line(0, 'ok', 'cas', [1, 3])]],
    [/beyond 2\^53/, ['{"process":0,"type":"invoke","f":"write","value":9007199254740993}']],
    [/a register knows read, write, cas/, [line(0, 'invoke', 'append', 1)]],
    [/no \[expected, new\]/, [line(0, 'invoke', 'cas', 1)]],
    [/is no array/, [line(0, 'invoke', 'txn', 1)]],
    [/is no step of a txn/, [line(0, 'invoke', 'txn', [['push', 'x', 1]])]],
    [/no \["append", key, element\]/, [line(0, 'invoke', 'txn', [['append', 'x']])]],
    [
      /no \["append", key, element\]/,
      [line(0, 'invoke', 'txn', [['r', 'x']]), line(0, 'ok', 'txn', [['r', 'x']])],
    ],
    [/is no array/, [line(0, 'invoke', 'txn', [['r', 'x', null]]), line(0, 'ok', 'txn', undefined)]],
    ...[
      [['append', 'y', 2]],
      [['append', 'x', 1]],
      [['r', 'x', null]],
      [],
      [
        ['append', 'x', 2],
        ['r', 'x', null],
      ],
    ].map(
      (answer) =>
        [
          /^line 2: \[\["append","x",2\]\] was asked, and .* is answered/,
          [line(0, 'invoke', 'txn', [['append', 'x', 2]]), line(0, 'ok', 'txn', answer)],
        ] as const,
    ),
    [
      /beyond 2\^53/,
      ['{"process":0,"type":"invoke","f":"txn","value":[["append","x",1e300]]}', line(0, 'info', 'txn', [])],
    ],
    [/among txns/, [line(0, 'invoke', 'txn', []), line(1, 'invoke', 'read', null)]],
  ]
  for (const [message, lines] of cases)
    assert.throws(
      () => verdictOf(...lines),
      (error: unknown) => error instanceof HistoryFormatError && message.test(error.message),
      String(message),
    )
})
