/**
 * Inside this repository `import … from 'harmonydb'` means the sources, so that the examples run without a build, and as an application would write them:
 * `node --import ./examples/from-source.ts examples/forum/main.ts`. Elsewhere it is the installed package, and this file is not needed.
 */

import { registerHooks } from 'node:module'

const ENTRY_POINTS: Readonly<Record<string, string>> = {
  harmonydb: '../src/embed/main.ts',
  'harmonydb/drizzle': '../src/drivers/drizzle/main.ts',
  'harmonydb/kysely': '../src/drivers/kysely/main.ts',
}

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const source = ENTRY_POINTS[specifier]
    return nextResolve(source === undefined ? specifier : new URL(source, import.meta.url).href, context)
  },
})
