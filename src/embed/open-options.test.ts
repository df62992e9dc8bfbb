import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { open } from './open.ts'

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-options-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('what is no folder is refused by what it is', async (t) => {
  const file = join(await temporaryFolder(t), 'file')
  await writeFile(file, 'mine')
  const cases: readonly (readonly [folder: unknown, message: RegExp])[] = [
    [undefined, /was given undefined as its folder/],
    [5, /was given number as its folder/],
    ['', /was given an empty path/],
    [file, /file is a file, and a database needs a folder of its own/],
  ]
  for (const [folder, message] of cases)
    await assert.rejects(open(folder as string), { code: 'ARGS_INVALID', message })
})

test('an option that is misspelled is refused, and nothing is made', async (t) => {
  const folder = await temporaryFolder(t)
  await assert.rejects(open(join(folder, 'data'), { adverstise: '10.0.0.1:7001' } as object), {
    code: 'ARGS_INVALID',
    message: /no option `adverstise`.*advertise/,
  })
  for (const statementTimeoutMs of [0, -1, Number.NaN, 2 ** 31, '5' as unknown as number])
    await assert.rejects(open(join(folder, 'data'), { statementTimeoutMs }), {
      code: 'ARGS_INVALID',
      message: /^`statementTimeoutMs` is /,
    })
  assert.deepEqual(await readdir(folder), [])
})
