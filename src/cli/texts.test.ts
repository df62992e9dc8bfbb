import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../base/errors.ts'
import { describeFailure } from './failure.ts'
import { Log } from './log.ts'
import { COMMANDS } from './run.ts'
import { editDistance, suggest } from './suggest.ts'
import { UsageError } from './usage-error.ts'

const EPOCH = (): Date => new Date(0)

test('a misspelled word finds the one that was meant, and nonsense finds none', () => {
  assert.equal(suggest('strat', ['start', 'shell']), 'start')
  assert.equal(suggest('shel', ['start', 'shell']), 'shell')
  assert.equal(suggest('sta', ['start', 'shell']), 'start')
  assert.equal(suggest('banana', ['start', 'shell']), null)
})

test('the distance counts insertions, deletions, replacements and swaps', () => {
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('abc', 'abc'), 0)
  assert.equal(editDistance('abc', 'acb'), 1)
  assert.equal(editDistance('kitten', 'sitting'), 3)
})

test('failures are one line for people and an exit code for scripts', () => {
  const inUse = Object.assign(new Error('x'), { code: 'EADDRINUSE', address: '127.0.0.1', port: 8080 })
  assert.deepEqual(describeFailure(inUse, 'start'), {
    exitCode: 1,
    message:
      '127.0.0.1:8080 is already in use, perhaps by another member. ' +
      'Stop what runs there, or choose another address: --http 127.0.0.1:8081',
  })
  const locked = new HarmonyError('DATA_LOCKED', 'The folder is owned by a running member.')
  assert.equal(
    describeFailure(locked, 'start').message,
    'The folder is owned by a running member. [DATA_LOCKED]',
  )
  assert.deepEqual(describeFailure(new UsageError('x'), 'start'), {
    exitCode: 2,
    message: 'x\nhelp: harmonydb start --help',
  })
  assert.equal(describeFailure(new UsageError('x'), null).message, 'x\nhelp: harmonydb --help')
  assert.doesNotMatch(describeFailure(new TypeError('a bug'), null).message, /\n|at /)
})

test('log lines are one event each, for people or for collectors', () => {
  const lines: string[] = []
  new Log('text', (line) => lines.push(line), EPOCH).info('started', {
    http: 'http://x:1',
    note: 'a b\n"c"',
    size: 7,
  })
  new Log('json', (line) => lines.push(line), EPOCH).error('failed', { reason: null })
  assert.deepEqual(lines, [
    '1970-01-01T00:00:00.000Z info  started http=http://x:1 note="a b\\n\\"c\\"" size=7\n',
    '{"time":"1970-01-01T00:00:00.000Z","level":"error","event":"failed","reason":null}\n',
  ])
})

test('every help fits into a terminal of 80 columns, and the list of commands has no full stops', async () => {
  for (const { name, summary, load } of COMMANDS) {
    const { help } = await load()
    assert.deepEqual(
      help()
        .split('\n')
        .filter((line) => line.length > 80),
      [],
      name,
    )
    assert.doesNotMatch(summary, /\.$/)
  }
})
