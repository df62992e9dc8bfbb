import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { Log } from '../log.ts'
import { urlOf } from '../../serve/listen-address.ts'
import { openMember, type RunningMember } from '../start.ts'
import { parseStartOptions } from '../start-options.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { History } from './history.ts'
import { InteractiveShell } from './interactive.ts'
import { Shell } from './shell.ts'
import { PLAIN_STYLE } from './style.ts'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const TAB = '\t'
const UP = '\u001b[A'
const ENDLESS = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c;'

let folder = ''
let member: RunningMember

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'harmonydb-shell-'))
  const options = parseStartOptions(['--data', join(folder, 'data'), '--http', '0'], {})
  member = await openMember(options, new Log('text', () => {}))
})

after(async () => {
  await member.stop()
  rmSync(folder, { recursive: true })
})

/** A shell at a terminal that the test types into and reads from. */
class Typist {
  readonly historyFile = join(mkdtempSync(join(folder, 'history-')), 'history')
  readonly left: Promise<void>
  readonly #input = new PassThrough()
  readonly #output = new PassThrough()
  readonly #shell: Shell
  #seen = ''
  #read = 0

  constructor() {
    const print = async (text: string): Promise<void> => void this.#output.write(text)
    this.#shell = new Shell(
      parseConnectionUrl(urlOf('http', member.address)),
      null,
      { mode: 'table', showsTime: false, tellsChanges: true, rowsMax: 10 },
      { out: print, note: (text) => void print(text), style: PLAIN_STYLE, width: () => 80 },
    )
    this.#output.on('data', (piece) => (this.#seen += String(piece)))
    const terminal = { input: this.#input, output: this.#output }
    this.left = new InteractiveShell(this.#shell, new History(this.historyFile), terminal).run()
  }

  type(keys: string): void {
    this.#input.write(keys)
  }

  /** Resolves with what has appeared up to and including `text`, since the last time. */
  async sees(text: string): Promise<string> {
    for (;;) {
      const plain = stripVTControlCharacters(this.#seen)
      const at = plain.indexOf(text, this.#read)
      if (at >= 0) {
        const fresh = plain.slice(this.#read, at + text.length)
        this.#read = at + text.length
        return fresh
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async leave(): Promise<void> {
    this.type(CTRL_D)
    await this.left
    await this.#shell.close()
  }
}

test('a statement over several lines runs when its semicolon comes', async () => {
  const typist = new Typist()
  await typist.sees('default> ')
  typist.type('SELECT 1\r')
  await typist.sees('    ...> ')
  typist.type('+ 1 AS two;\r')
  assert.match(await typist.sees('default> '), /│ two │\n.*\n│ {3}2 │\n.*\n1 row\n/)
  await typist.leave()
})

test('the prompt shows an open transaction, and leaving rolls it back', async () => {
  const typist = new Typist()
  typist.type('CREATE TABLE open_one (x);\r')
  await typist.sees('done')
  typist.type('BEGIN; INSERT INTO open_one VALUES (1);\r')
  await typist.sees('1 row changed')
  await typist.sees('default*> ')
  typist.type(CTRL_D)
  await typist.sees('The open transaction was rolled back.')
  await typist.leave()
  const again = new Typist()
  again.type('SELECT count(*) AS n FROM open_one;\r')
  assert.match(await again.sees('1 row'), /│ 0 │/)
  await again.leave()
})

test('lines typed ahead run one after another', async () => {
  const typist = new Typist()
  typist.type('SELECT 11 AS a;\rSELECT 22 AS b;\rSELECT 33 AS c;\r')
  await typist.sees('│ 11 │')
  await typist.sees('│ 22 │')
  await typist.sees('│ 33 │')
  await typist.leave()
})

test('Ctrl-C stops the statement that runs, and the shell goes on', async () => {
  const typist = new Typist()
  await typist.sees('default> ')
  typist.type(`${ENDLESS}\r`)
  while (member.http?.stats().requestsActive === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  typist.type(CTRL_C)
  await typist.sees('stopped\n')
  typist.type('SELECT 5 AS five;\r')
  await typist.sees('│    5 │')
  await typist.leave()
})

test('Ctrl-C forgets a half-typed statement, and says how to leave when there is none', async () => {
  const typist = new Typist()
  await typist.sees('default> ')
  typist.type('SELECT nonsense\r')
  await typist.sees('    ...> ')
  typist.type(`FROM now${CTRL_C}`)
  await typist.sees('default> ')
  typist.type('SELECT 6 AS six;\r')
  await typist.sees('│   6 │')
  typist.type(CTRL_C)
  await typist.sees('(Ctrl-D or .quit leaves)')
  await typist.leave()
})

test('a typed statement comes back as one line, and is kept', async () => {
  const typist = new Typist()
  await typist.sees('default> ')
  typist.type('SELECT 7\r')
  await typist.sees('...> ')
  typist.type('AS seven;\r')
  await typist.sees('1 row')
  await typist.sees('default> ')
  typist.type(`${UP}\r`)
  await typist.sees('SELECT 7 AS seven;')
  await typist.sees('1 row')
  await typist.leave()
  assert.equal(readFileSync(typist.historyFile, 'utf8'), 'SELECT 7 AS seven;\nSELECT 7 AS seven;\n')
})

test('Tab completes names of tables, columns and commands', async () => {
  const typist = new Typist()
  typist.type('CREATE TABLE orchards (blossoms TEXT);\r')
  await typist.sees('done')
  await typist.sees('default> ')
  typist.type(`SELECT bloss${TAB}`)
  await typist.sees('SELECT blossoms')
  typist.type(` FROM orch${TAB}`)
  await typist.sees('orchards')
  typist.type(';\r')
  await typist.sees('0 rows')
  typist.type(`.stat${TAB}`)
  await typist.sees('.status')
  typist.type('\r')
  await typist.sees('transaction  none')
  await typist.leave()
})

test('dot-commands are run at once, a misspelled one is met with a suggestion', async () => {
  const typist = new Typist()
  typist.type('.tabels\r')
  await typist.sees('Did you mean .tables?')
  typist.type('.mode\r')
  await typist.sees('table')
  typist.type('.quit\r')
  await typist.left
})

test('a large result is cut at the limit and counted', async () => {
  const typist = new Typist()
  typist.type(
    'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2500) SELECT n FROM c;\r',
  )
  await typist.sees('2,500 rows; the first 10 are shown; .limit 0 shows all')
  await typist.leave()
})
