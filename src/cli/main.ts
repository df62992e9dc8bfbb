#!/usr/bin/env node
/**
 * The executable. It looks at the version of Node.js before anything else is loaded, because an older one would fail on the
 * first import with a message that helps nobody.
 */

import { fileURLToPath } from 'node:url'

const OLDEST = [24, 12] as const
const EXIT_GRACE_MS = 1000

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    `harmonydb: this is Node.js ${process.versions.node}; version ${OLDEST.join('.')} or later is needed (https://nodejs.org).\n`,
  )
  process.exitCode = 1
} else {
  // Stripping types takes half of the start's time. What is published has none to strip.
  if (import.meta.url.endsWith('.ts')) {
    const { enableCompileCache } = await import('node:module')
    const folder = fileURLToPath(new URL('../../node_modules/.cache/harmonydb', import.meta.url))
    enableCompileCache(folder)
    // For the processes that a member starts.
    process.env['NODE_COMPILE_CACHE'] ??= folder
  }
  const { run } = await import('./run.ts')
  process.exitCode = await run(process.argv.slice(2), process.env)
  // By now nothing should keep the process alive. If a bug does, it ends all the same; output has had time to be written.
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref()
}
