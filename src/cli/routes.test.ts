import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '../base/assert.ts'
import { openApiDocument } from '../admin/openapi/document.ts'
import { Log } from './log.ts'
import { openMember, type RunningMember } from './start.ts'
import { parseStartOptions } from './start-options.ts'

interface Operation {
  readonly method: string
  /** With its parameters filled in. */
  readonly path: string
}

/** Operations of the document; the shared parameters of a path stand beside its methods. */
function documented(): Operation[] {
  const { paths } = openApiDocument('0.0.0', false)
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      .filter((name) => name !== 'parameters')
      .map((method) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, 'example') })),
  )
}

/** Answers with an error that says what is wrong with the client's URL. */
const ONLY_EXPLAINS: ReadonlySet<string> = new Set([String.raw`^\/(?:pipeline|cursor)$`])

async function withMember(work: (member: RunningMember) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-routes-'))
  const member = await openMember(
    parseStartOptions(['--data', folder, '--http', '0'], {}),
    new Log('text', () => {}),
  )
  try {
    await work(member)
  } finally {
    await member.stop()
    rmSync(folder, { recursive: true })
  }
}

test('every route is documented, and everything documented is a route', () =>
  withMember(({ http, routes }) => {
    const found = documented().map(({ method, path }) => {
      const match = must(http).router.match(method, path)
      assert.equal(match.kind, 'found', `${method} ${path} is documented, but no route`)
      return match.kind === 'found' ? match.route : null
    })
    const undocumented = routes.filter(
      (route) => !found.includes(route) && !ONLY_EXPLAINS.has(route.path.source),
    )
    assert.deepEqual(
      undocumented.map(({ method, path }) => `${method} ${path.source}`),
      [],
    )
  }))

test('what needs no token is documented as needing none, and nothing else', () =>
  withMember(({ http }) => {
    const { paths } = openApiDocument('0.0.0', true)
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (method === 'parameters') continue
        const match = must(http).router.match(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'example'))
        const isOpen = (operation as { security?: unknown[] }).security?.length === 0
        assert.equal(match.kind === 'found' && match.route.isPublic === true, isOpen, `${method} ${path}`)
      }
    }
  }))

test('no two routes answer the same request', () =>
  withMember(({ routes }) => {
    for (const { method, path } of documented()) {
      const answering = routes.filter((route) => route.method === method && route.path.test(path))
      assert.equal(answering.length, 1, `${method} ${path}`)
    }
  }))
