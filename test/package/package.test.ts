/** The package that would be published, as those who install it meet it. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { PackedPackage, readPackageJson, ROOT } from './packed-package.ts'
import { JAVASCRIPT, JAVASCRIPT_OUTPUT, TYPESCRIPT } from './programs.ts'

const run = promisify(execFile)
const DIRECT_DEPENDENCIES_MAX = 9
let packed: PackedPackage
let project: string

before(() => {
  packed = new PackedPackage()
  project = packed.installOffline()
})
after(() => packed?.remove())

test('it has the program, its declarations and its documentation, and no tests or sources', () => {
  const { exports } = readPackageJson(join(project, 'node_modules/harmonydb'))
  const needed = Object.values(exports).flatMap((each) =>
    typeof each === 'string' ? [each] : [each.types, each.default],
  )
  for (const path of [
    ...needed,
    './dist/cli/main.js',
    './README.md',
    './LICENSE',
    './docs/guide/embedded.md',
  ])
    assert.ok(packed.files.includes(path.slice(2)), path)
  assert.deepEqual(
    packed.files.filter((path) => /\.test\.|\/testing\/|^(src|test|sim|bench|examples)\//.test(path)),
    [],
  )
  assert.deepEqual(
    packed.files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts')),
    [],
  )
})

test('it has under ten direct dependencies, and nothing to run at installation', () => {
  const home = readPackageJson(join(project, 'node_modules/harmonydb'))
  assert.ok(Object.keys(home.dependencies).length <= DIRECT_DEPENDENCIES_MAX)
  const { scripts } = home as unknown as { scripts: Record<string, string> }
  for (const name of ['preinstall', 'install', 'postinstall']) assert.equal(scripts[name], undefined, name)
})

test('a JavaScript program uses the library, both query builders, a bucket and the network', async () => {
  writeFileSync(join(project, 'program.mjs'), JAVASCRIPT)
  const { stdout } = await run(process.execPath, ['program.mjs'], { cwd: project })
  assert.equal(stdout, JAVASCRIPT_OUTPUT)
})

test('its command runs', async () => {
  const main = join(project, 'node_modules/harmonydb/dist/cli/main.js')
  const { stdout } = await run(process.execPath, [main, 'start', '--help'])
  assert.match(stdout, /usage: harmonydb start/)
})

for (const moduleResolution of ['nodenext', 'bundler']) {
  test(`a TypeScript program is checked, with ${moduleResolution} resolution`, async () => {
    writeFileSync(join(project, 'program.ts'), TYPESCRIPT)
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext',
          moduleResolution,
          target: 'esnext',
          lib: ['esnext'],
          types: ['node'],
          strict: true,
          noEmit: true,
          // Declarations of others are theirs; what we show is checked where it is used.
          skipLibCheck: true,
        },
        include: ['program.ts'],
      }),
    )
    const { stdout } = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', project]).catch(
      (error: { stdout: string }) => error,
    )
    assert.equal(stdout, '')
  })
}
