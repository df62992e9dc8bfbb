/** Tokens, as @libsql/client and raw requests bring them to a member that asks for one. */

import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { createClient } from '@libsql/client'
import { startMember, type Member } from './member.ts'

const TOKEN = 'correct-horse-battery-staple'

let member: Member
let privateKey: KeyObject

before(async () => {
  const pair = generateKeyPairSync('ed25519')
  privateKey = pair.privateKey
  const { x } = pair.publicKey.export({ format: 'jwk' })
  member = await startMember('--auth-token', TOKEN, '--auth-jwt-key', String(x))
  const writer = createClient({ url: member.url, authToken: TOKEN })
  await writer.execute('CREATE TABLE t (a)')
  writer.close()
})
after(() => member[Symbol.asyncDispose]())

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/** A JSON Web Token as libSQL servers take it: `a` is what its bearer may do. */
function jwt(access: 'ro' | 'rw', expiresInS = 60): string {
  const claims = { a: access, exp: Math.floor(Date.now() / 1000) + expiresInS }
  const text = `${encode({ alg: 'EdDSA', typ: 'JWT' })}.${encode(claims)}`
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
}

for (const scheme of ['http', 'ws'] as const) {
  const urlOf = (): string => (scheme === 'ws' ? member.wsUrl : member.url)

  test(`over ${scheme} the right token opens the member, a wrong one and none do not`, async () => {
    const right = createClient({ url: urlOf(), authToken: TOKEN })
    assert.equal((await right.execute('SELECT 1')).rows[0]?.[0], 1)
    right.close()
    for (const authToken of ['wrong', '', undefined]) {
      const wrong = createClient({ url: urlOf(), ...(authToken === undefined ? {} : { authToken }) })
      await assert.rejects(wrong.execute('SELECT 1'))
      wrong.close()
    }
  })

  test(`over ${scheme} a token for reading reads and can not write`, async () => {
    const reader = createClient({ url: urlOf(), authToken: jwt('ro') })
    assert.equal((await reader.execute('SELECT count(*) FROM t')).rows[0]?.[0], 0)
    await assert.rejects(reader.execute('INSERT INTO t VALUES (1)'), { code: 'SQLITE_READONLY' })
    await assert.rejects(reader.batch(['INSERT INTO t VALUES (1)'], 'write'))
    await assert.rejects(reader.executeMultiple('INSERT INTO t VALUES (1);'))
    reader.close()
    const writer = createClient({ url: urlOf(), authToken: jwt('rw') })
    await writer.execute('INSERT INTO t VALUES (1)')
    assert.equal((await writer.execute('SELECT count(*) FROM t')).rows[0]?.[0], 1)
    await writer.execute('DELETE FROM t')
    writer.close()
  })

  test(`over ${scheme} an expired token is refused`, async () => {
    const late = createClient({ url: urlOf(), authToken: jwt('rw', -60) })
    await assert.rejects(late.execute('SELECT 1'))
    late.close()
  })
}

test('a wrong token has status 401', async () => {
  const response = await fetch(`${member.url}/v2/pipeline`, {
    method: 'POST',
    headers: { authorization: 'Bearer wrong' },
    body: '{"requests":[]}',
  })
  assert.equal(response.status, 401)
})
