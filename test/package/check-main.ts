/**
 * `npm run package:check`: packs the package as it would be published and lets publint and arethetypeswrong look at it; then installs it from the
 * registry's side, into an empty project, and uses it there. test/package does the same without a network, and without these two.
 */

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PackedPackage, ROOT } from './packed-package.ts'
import { JAVASCRIPT, JAVASCRIPT_OUTPUT } from './programs.ts'

const PROGRAMS = join(ROOT, 'tools/package-check/node_modules/.bin')

function step(name: string, command: string, args: readonly string[], cwd?: string): string {
  process.stdout.write(`\n${name}\n`)
  const output = execFileSync(command, args, { encoding: 'utf8', ...(cwd !== undefined && { cwd }) })
  process.stdout.write(output)
  return output
}

const packed = new PackedPackage()
try {
  step('publint', join(PROGRAMS, 'publint'), [packed.tarball, '--strict'])
  // The package is ECMAScript modules alone, which Node.js 24 lets CommonJS `require`, too.
  step('arethetypeswrong', join(PROGRAMS, 'attw'), [packed.tarball, '--profile', 'esm-only'])
  const project = join(packed.folder, 'installed')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  writeFileSync(join(project, 'program.js'), JAVASCRIPT)
  const options = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  step('npm install', 'npm', [...options, packed.tarball, 'drizzle-orm@0.45', 'kysely@0.28'], project)
  const output = step('a program', process.execPath, ['program.js'], project)
  if (output !== JAVASCRIPT_OUTPUT) throw new Error(`It should have printed ${JAVASCRIPT_OUTPUT}`)
  const installed = readdirSync(join(project, 'node_modules'), { recursive: true, encoding: 'utf8' })
  process.stdout.write(`\nThe package is good. Installed: ${installed.length} files.\n`)
} finally {
  packed.remove()
}
