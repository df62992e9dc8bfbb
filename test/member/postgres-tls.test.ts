/** PostgreSQL clients over TLS, asked for on the command line or by an application; the member itself or its gateway processes serve them. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import pg from 'pg'
import { open } from '../../src/embed/main.ts'
import { runCommand, RunningMember, temporaryFolder } from './running-member.ts'

const OPENSSL = '/usr/bin/openssl'
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']

interface Files {
  readonly cert: string
  readonly key: string
}

function certificate(t: TestContext): Files {
  const folder = temporaryFolder(t)
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const to = ['-keyout', files.key, '-out', files.cert]
  const args = ['req', '-x509', '-nodes', '-days', '1', '-subj', '/CN=localhost', ...EC, ...to]
  execFileSync(OPENSSL, args, { stdio: 'ignore' })
  return files
}

async function showSsl(connectionString: string, ssl: pg.ClientConfig['ssl']): Promise<unknown> {
  const client = new pg.Client({ connectionString, ssl: ssl ?? false })
  await client.connect()
  try {
    return ((await client.query('show ssl')).rows[0] as { ssl: unknown }).ssl
  } finally {
    await client.end()
  }
}

if (existsSync(OPENSSL)) {
  for (const gateways of ['0', '2']) {
    test(`with --pg-cert and --pg-key, PostgreSQL clients that ask for TLS get it (--gateways ${gateways})`, async (t) => {
      const { cert, key } = certificate(t)
      const member = await RunningMember.start(t, {
        args: ['--pg', '127.0.0.1:0', '--pg-cert', cert, '--pg-key', key, '--gateways', gateways],
      })
      const url = `postgres://tester@${/"pg":"([^"]+)"/.exec(member.stderr)?.[1]}/default`
      const checked = { ca: readFileSync(cert, 'utf8'), servername: 'localhost' }
      assert.equal(await showSsl(url, checked), 'on')
      assert.equal(await showSsl(url, false), 'off')
    })
  }

  test('an application that serves gives the certificate to open()', async (t) => {
    const { cert, key } = certificate(t)
    const pgTls = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
    await using db = await open(temporaryFolder(t), { pg: '127.0.0.1:0', pgTls })
    const url = `postgres://tester@${db.postgresAddress}/default`
    assert.equal(await showSsl(url, { ca: pgTls.cert, servername: 'localhost' }), 'on')
    const wrong = { ...pgTls, key: readFileSync(certificate(t).key, 'utf8') }
    await assert.rejects(open(temporaryFolder(t), { pg: '127.0.0.1:0', pgTls: wrong }), {
      code: 'ARGS_INVALID',
      message: '`pgTls` can not be used: the key is not the one of the certificate.',
    })
  })

  test('a certificate that can not be used is told at the start, not to clients', async (t) => {
    const [mine, other] = [certificate(t), certificate(t)]
    const refused = async (args: readonly string[], reason: RegExp): Promise<void> => {
      const { exitCode, stderr } = await runCommand(['start', '--data', temporaryFolder(t), ...args])
      assert.equal(exitCode, 2)
      assert.match(stderr, reason)
    }
    await refused(['--pg-cert', mine.cert], /--pg-key is missing: TLS needs both/)
    await refused(
      ['--pg-cert', mine.cert, '--pg-key', other.key],
      /the key is not the one of the certificate/,
    )
    await refused(['--pg-cert', mine.key, '--pg-key', mine.key], /no PEM certificate and private key/)
    await refused(
      ['--pg-cert', '/nowhere.pem', '--pg-key', mine.key],
      /--pg-cert: \/nowhere.pem can not be read/,
    )
  })
} else {
  test('openssl is not installed here', () => assert.ok(!existsSync(OPENSSL)))
}
