import { test } from 'node:test'
import assert from 'node:assert/strict'
import { asksFor } from './accepts.ts'

const NDJSON = 'application/x-ndjson'

test('a media type that is named is asked for, alone or among others', () => {
  for (const header of [
    'application/x-ndjson',
    'Application/X-NDJSON',
    'application/json;q=0.5, application/x-ndjson',
    'application/x-ndjson;q=0.001',
    'application/x-ndjson ; charset=utf-8 ; q=1',
  ])
    assert.equal(asksFor(header, NDJSON), true, header)
})

test('weight zero, wildcards and other types are not', () => {
  for (const header of [
    undefined,
    '',
    '*/*',
    'application/*',
    'application/json',
    'application/x-ndjson-other',
    'application/x-ndjson;q=0',
    'application/json, application/x-ndjson; Q=0.000',
  ])
    assert.equal(asksFor(header, NDJSON), false, String(header))
})
