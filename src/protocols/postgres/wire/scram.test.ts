import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScramExchange, scramVerifier } from './scram.ts'

// The example of RFC 7677, section 3.
const SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
const SERVER_NONCE = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
const CLIENT_FIRST = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO'
const CLIENT_FINAL =
  'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='

function exchange(): ScramExchange {
  return new ScramExchange(scramVerifier('pencil', SALT), SERVER_NONCE)
}

test('the exchange of RFC 7677', () => {
  const scram = exchange()
  assert.equal(
    scram.first(CLIENT_FIRST),
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  )
  assert.equal(scram.final(CLIENT_FINAL), 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
})

test('a wrong proof is 28P01', () => {
  const scram = exchange()
  scram.first(CLIENT_FIRST)
  assert.throws(() => scram.final(CLIENT_FINAL.replace('p=dHzb', 'p=eHzb')), { sqlState: '28P01' })
})

test('another nonce, another channel binding, and malformed messages are protocol violations', () => {
  const violation = { sqlState: '08P01' }
  for (const first of [
    '',
    'n,,n=user',
    'p=tls-unique,,n=user,r=abc',
    'n,,m=ext,n=user,r=abc',
    'x,,n=,r=abc',
  ]) {
    assert.throws(() => exchange().first(first), violation, first)
  }
  for (const final of [
    '',
    CLIENT_FINAL.replace('r=rOpr', 'r=xOpr'),
    CLIENT_FINAL.replace('c=biws', 'c=eSws'),
    CLIENT_FINAL.replace(',p=', ',q='),
  ]) {
    const scram = exchange()
    scram.first(CLIENT_FIRST)
    assert.throws(() => scram.final(final), violation, final)
  }
})
