import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { SqlValue } from '../../base/value.ts'
import { cutToWidth, displayWidth } from './display-width.ts'
import { inColumns, quoteText } from './dot-commands.ts'
import { errorOffset, pointAt } from './error-place.ts'
import { openPrinter, type Mode } from './formats.ts'
import { PLAIN_STYLE } from './style.ts'
import { valueText } from './value-text.ts'

function shown(
  mode: Mode,
  names: readonly string[],
  rows: readonly (readonly SqlValue[])[],
  width = Number.POSITIVE_INFINITY,
): { text: string; note: string | null } {
  const printer = openPrinter(names, { mode, width, style: PLAIN_STYLE })
  // In pages of one, as the worst case of a stream.
  const pages = rows.map((row) => printer.add([row])).join('')
  const { text, note } = printer.end()
  return { text: (pages + text).replace(/\n$/, ''), note }
}

test('a table is aligned: numbers on the right, NULL visible', () => {
  const { text } = shown(
    'table',
    ['id', 'title', 'price'],
    [
      [1n, 'Tea', 2.5],
      [20n, null, 10],
    ],
  )
  assert.equal(
    text,
    [
      '┌────┬───────┬───────┐',
      '│ id │ title │ price │',
      '├────┼───────┼───────┤',
      '│  1 │ Tea   │   2.5 │',
      '│ 20 │ NULL  │  10.0 │',
      '└────┴───────┴───────┘',
    ].join('\n'),
  )
})

test('wide characters, emoji and combining marks keep the border straight', () => {
  assert.equal(displayWidth('日本'), 4)
  assert.equal(displayWidth('👨‍👩‍👧'), 2)
  assert.equal(displayWidth('e\u0301'), 1)
  assert.equal(displayWidth('🇩🇪'), 2)
  assert.equal(displayWidth('ключ'), 4)
  const { text } = shown('table', ['t'], [['日本'], ['👍'], ['abc'], ['e\u0301']])
  assert.deepEqual(new Set(text.split('\n').map(displayWidth)), new Set([8]))
})

test('control characters can not command the terminal', () => {
  assert.equal(valueText('a\u001b[31mb\nc\td\u202e'), 'a␛[31mb␊c␉d\ufffd')
})

test('at a terminal data formats command nothing either; elsewhere data is untouched', () => {
  const rows = [['a\u001b[31m\u009b1m\nb']]
  assert.equal(shown('csv', ['x'], rows, 80).text, 'x\n"a␛[31m\ufffd1m\nb"')
  assert.equal(shown('csv', ['x'], rows).text, 'x\n"a\u001b[31m\u009b1m\nb"')
  assert.doesNotMatch(shown('json', ['x'], rows, 80).text, /\u009b/)
  for (const mode of ['table', 'line'] as const) {
    // oxlint-disable-next-line no-control-regex -- they are what this is about
    assert.doesNotMatch(shown(mode, ['n\u001bame'], rows).text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  }
})

test('blobs are shown by their first bytes and their size', () => {
  assert.equal(valueText(new Uint8Array([0, 255])), "x'00FF'")
  assert.match(valueText(new Uint8Array(5000)), /^x'0{32}…' \(5,000 bytes\)$/)
})

test('long values are cut to fit the terminal, and that is said', () => {
  const { text, note } = shown('table', ['id', 'text'], [[1n, 'x'.repeat(100)]], 40)
  assert.deepEqual(new Set(text.split('\n').map(displayWidth)), new Set([40]))
  assert.match(text, /x…/)
  assert.match(note ?? '', /long values are cut/)
  assert.equal(shown('table', ['id', 'text'], [[1n, 'x'.repeat(100)]]).note, null)
})

test('the narrow column stays whole, the wide one pays', () => {
  const { text } = shown('table', ['name', 'text'], [['eight888', 'y'.repeat(100)]], 40)
  assert.match(text, /│ eight888 │/)
})

test('more columns than fit are shown below each other', () => {
  const names = Array.from({ length: 20 }, (_, at) => `column${at}`)
  const { text, note } = shown('table', names, [names.map(() => 'value')], 80)
  assert.match(text, /^ column0 = value$/m)
  assert.match(text, /^column19 = value$/m)
  assert.match(note ?? '', /20 columns do not fit/)
})

test('a cut never splits a character and ends with an ellipsis', () => {
  assert.equal(cutToWidth('日本語', 4), '日…')
  assert.equal(cutToWidth('abc', 3), 'abc')
  assert.equal(cutToWidth('abcd', 3), 'ab…')
})

test('CSV tells NULL from an empty text and quotes what needs it', () => {
  const { text } = shown(
    'csv',
    ['a', 'b,c'],
    [
      [null, ''],
      ['x "y"', 'line\nbreak'],
      [9007199254740993n, 1],
    ],
  )
  assert.equal(text, 'a,"b,c"\n,""\n"x ""y""","line\nbreak"\n9007199254740993,1.0')
})

test('JSON keeps integers exact and repeated names apart', () => {
  const { text } = shown('json', ['id', 'id'], [[9007199254740993n, 'x']])
  assert.equal(text, '[\n  {"id": 9007199254740993, "id:1": "x"}\n]')
  assert.equal(shown('json', ['id'], []).text, '[]')
})

test('lines show one value each, with names aligned', () => {
  assert.equal(
    shown(
      'line',
      ['id', 'title'],
      [
        [1n, 'a'],
        [2n, null],
      ],
    ).text,
    '   id = 1\ntitle = a\n\n   id = 2\ntitle = NULL',
  )
})

test('a syntax error is found at the right occurrence of its token', () => {
  const sql = 'SELECT name FROM t WHERE name = FROM x'
  const offset = errorOffset(sql, 'near "FROM": syntax error')
  assert.equal(offset, sql.lastIndexOf('FROM'))
  assert.equal(pointAt(sql, offset ?? 0), `  ${sql}\n  ${' '.repeat(sql.lastIndexOf('FROM'))}^`)
  assert.equal(errorOffset('SELEC 1', 'near "SELEC": syntax error'), 0)
})

test('a missing name is found where it occurs once, and not guessed where it occurs twice', () => {
  assert.equal(errorOffset('SELECT titel FROM notes', 'no such column: titel'), 7)
  assert.equal(errorOffset('SELECT n.titel FROM notes n', 'no such column: n.titel'), 9)
  assert.equal(errorOffset('SELECT x, x FROM notes', 'no such column: x'), null)
  assert.equal(errorOffset('SELECT 1', 'something else'), null)
})

test('the caret stands under its token in a statement of several lines, and in a long one', () => {
  const sql = `SELECT *\nFROM\n  titel`
  assert.equal(pointAt(sql, sql.indexOf('titel')), '    titel\n    ^')
  const long = `SELECT ${'1 + '.repeat(50)} FROM`
  const [line = '', caret = ''] = pointAt(long, long.indexOf('FROM')).split('\n')
  assert.equal(line.indexOf('FROM'), caret.indexOf('^'))
  assert.ok(line.length < 130)
})

test('table names stand side by side, read downwards', () => {
  assert.equal(inColumns(['a', 'b', 'c', 'd', 'e'], 10), 'a  c  e\nb  d')
  assert.equal(inColumns(['one'], Infinity), 'one')
})

test('text in generated SQL is quoted', () => {
  assert.equal(quoteText("it's"), "'it''s'")
})
