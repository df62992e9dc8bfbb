import { test } from 'node:test'
import assert from 'node:assert/strict'
import { schemaProblems } from '../testing/json-schema.ts'
import { openApiDocument } from './document.ts'

type Schema = Readonly<Record<string, unknown>>

const DOCUMENT = openApiDocument('1.2.3', true)
const SCHEMAS = DOCUMENT.components.schemas as Schema

interface MediaType {
  readonly schema?: Schema
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

function* mediaTypes(value: unknown, at: string): Generator<[at: string, mediaType: MediaType]> {
  if (typeof value !== 'object' || value === null) return
  for (const [name, inner] of Object.entries(value)) {
    if (name === 'content') {
      for (const [type, mediaType] of Object.entries(inner as object))
        yield [`${at} ${type}`, mediaType as MediaType]
    } else {
      yield* mediaTypes(inner, `${at}.${name}`)
    }
  }
}

function problems(name: string, value: unknown): string[] {
  return schemaProblems({ $ref: `#/components/schemas/${name}` }, value, SCHEMAS)
}

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    name === '$ref' ? [String(inner).replace('#/components/schemas/', '')] : references(inner),
  )
}

test('every example is valid by its own schema', () => {
  let checked = 0
  for (const [at, { schema, examples }] of mediaTypes(DOCUMENT.paths, 'paths')) {
    for (const [name, { value }] of Object.entries(examples ?? {})) {
      assert.deepEqual(schemaProblems(schema ?? {}, value, SCHEMAS), [], `${at} ${name}`)
      checked++
    }
  }
  assert.ok(checked >= 15, `only ${checked} examples were found`)
})

test('the checker finds what is wrong', () => {
  assert.deepEqual(problems('QueryRequest', { sqll: 'x' }), ['$.sqll: is not known'])
  assert.deepEqual(problems('DatabaseInfo', { name: 'a', index: 1 }), ['$.sizeBytes: is missing'])
  assert.notDeepEqual(problems('Value', { base64: 'AA', more: 1 }), [])
  assert.notDeepEqual(problems('Consistency', { level: 'strong' }), [])
})

test('every schema that is named exists, and every schema is used', () => {
  const used = new Set(references(DOCUMENT))
  assert.deepEqual(
    [...used].filter((name) => !(name in SCHEMAS)),
    [],
  )
  assert.deepEqual(
    Object.keys(SCHEMAS).filter((name) => !used.has(name)),
    [],
  )
})

test('operation ids are unique', () => {
  const ids = Object.values(DOCUMENT.paths).flatMap((path) =>
    Object.values(path).flatMap((operation: { operationId?: string }) => operation.operationId ?? []),
  )
  assert.equal(new Set(ids).size, ids.length)
})
