/**
 * Certificates for tests of mutual TLS, made when they are needed: none in the repository that expires or that a scanner
 * takes for a leak. X.509 (RFC 5280) in DER, as little of it as Node.js accepts.
 */

import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { TlsCredentials } from './system-network.ts'

const SEQUENCE = 0x30
const SET = 0x31

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

const oid = (...bytes: number[]): Buffer => der(0x06, Buffer.from(bytes))
const ECDSA_SHA256 = der(SEQUENCE, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
const COMMON_NAME = oid(0x55, 0x04, 0x03)
const BASIC_CONSTRAINTS = oid(0x55, 0x1d, 0x13)
const ALTERNATIVE_NAME = oid(0x55, 0x1d, 0x11)
const TRUE = Buffer.from([0x01, 0x01, 0xff])

const nameOf = (text: string): Buffer =>
  der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(0x0c, Buffer.from(text)))))
const time = (text: string): Buffer => der(0x18, Buffer.from(text))
const VALIDITY = der(SEQUENCE, time('20200101000000Z'), time('21200101000000Z'))

interface Subject {
  readonly name: string
  readonly key: KeyObject
  readonly extension: Buffer
}

function certificateOf(subject: Subject, issuer: { name: string; key: KeyObject }): string {
  const body = der(
    SEQUENCE,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    nameOf(issuer.name),
    VALIDITY,
    nameOf(subject.name),
    subject.key.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, subject.extension)),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, issuer.key))
  const base64 = der(SEQUENCE, body, ECDSA_SHA256, signature).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}

const keys = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })

export interface TestCertificates {
  readonly authority: string
  /** For a member at an IPv4 address. */
  readonly member: (address: string) => TlsCredentials
}

export function testCertificates(): TestCertificates {
  const { publicKey, privateKey } = keys()
  const issuer = { name: `authority ${randomBytes(4).toString('hex')}`, key: privateKey }
  const isAuthority = der(SEQUENCE, BASIC_CONSTRAINTS, TRUE, der(0x04, der(SEQUENCE, TRUE)))
  const authority = certificateOf({ name: issuer.name, key: publicKey, extension: isAuthority }, issuer)
  const member = (address: string): TlsCredentials => {
    const own = keys()
    const names = der(SEQUENCE, der(0x87, Buffer.from(address.split('.').map(Number))))
    const extension = der(SEQUENCE, ALTERNATIVE_NAME, der(0x04, names))
    return {
      certificate: certificateOf({ name: 'member', key: own.publicKey, extension }, issuer),
      privateKey: own.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      authority,
    }
  }
  return { authority, member }
}

test('Node.js reads what is made here', () => {
  const { authority, member } = testCertificates()
  const certificate = new X509Certificate(member('127.0.0.1').certificate)
  assert.ok(certificate.verify(new X509Certificate(authority).publicKey))
  assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1')
})
