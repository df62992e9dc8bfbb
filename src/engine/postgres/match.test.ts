/** SIMILAR TO and what takes texts apart, with PostgreSQL 15's answers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { extract, firstMatch, isSimilar, matches, positionOf, split } from './match.ts'

test('SIMILAR TO matches the whole text; only its own signs mean something', () => {
  for (const [text, pattern, expected] of [
    ['abc', 'abc', true],
    ['abc', 'a', false],
    ['abc', '%(b|d)%', true],
    ['abc', '(b|c)%', false],
    ['abc', 'a_c', true],
    ['a.c', 'a.c', true],
    ['abc', 'a.c', false],
    ['aaa', 'a{3}', true],
    ['a^$', 'a^$', true],
    ['b', '[a-c]', true],
    ['a\nb', 'a%b', true],
    ['a%', String.raw`a\%`, true],
    ['ab', String.raw`a\%`, false],
  ] as const)
    assert.equal(isSimilar(text, pattern, '\\'), expected, `${text} ${pattern}`)
  assert.equal(isSimilar('a_c', 'a!_c', '!'), true)
})

test('matches, groups and pieces', () => {
  assert.equal(firstMatch('foobar', '(o+)(b)', ''), '["oo","b"]')
  assert.equal(firstMatch('foobar', 'x', ''), null)
  assert.equal(matches('a1b2', '[a-z][0-9]', 'g'), '[["a1"],["b2"]]')
  assert.equal(matches('a1b2', '[a-z]([0-9])', ''), '[["1"]]')
  assert.equal(split('a b  c', String.raw`\s+`, ''), '["a","b","c"]')
  assert.equal(split('abc', '', ''), '["a","b","c"]')
  assert.equal(extract('foobar', 'o(.)b'), 'o')
  assert.equal(positionOf('žluť1', '[0-9]', ''), 5n)
})
