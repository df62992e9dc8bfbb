import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { apiReports, emitDeclarations } from './api-report.ts'
import { readModule } from './declarations.ts'

const COMMITTED = join(import.meta.dirname, '../../api')

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-api-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('the public API is what is committed in api/', (t) => {
  const folder = temporaryFolder(t)
  emitDeclarations(folder)
  for (const [file, text] of apiReports(folder)) {
    const committed = readFileSync(join(COMMITTED, file), 'utf8')
    assert.equal(
      text,
      committed,
      `${file}: if this change of the API is meant, run \`npm run api\` and commit it`,
    )
    assert.doesNotMatch(text, /CoreLink|HeldSnapshot|DatabaseCore|LocalGateway/, `${file} shows internals`)
  }
})

test('declarations are read whole: unions over several lines, classes, and what is imported and exported', (t) => {
  const file = join(temporaryFolder(t), 'one.d.ts')
  writeFileSync(
    file,
    `/** The head of the file. */
import type { A, B as C } from './a.ts';
/** A union. */
export type Union = {
    readonly kind: 'a';
}
/** The other. */
 | {
    readonly kind: 'b';
};
export declare class Thing {
    #private;
    method(): {
        readonly x: number;
    };
}
export { type A, C as D } from './a.ts';
declare const hidden: unique symbol;
`,
  )
  const { declarations, imports, reexports } = readModule(file)
  assert.deepEqual([...declarations.keys()], ['Union', 'Thing', 'hidden'])
  assert.match(declarations.get('Union')?.text ?? '', /^\/\*\* A union[^]*kind: 'b'[^]*};$/)
  assert.match(declarations.get('Thing')?.text ?? '', /x: number;\n {4}};\n}$/)
  assert.equal(imports.get('C')?.name, 'B')
  assert.deepEqual([...reexports.keys()], ['A', 'D'])
})
