/** Signing up and in. Sessions are rows, so every process knows them, and a browser that moves to another one stays signed in. */

import { createHash, randomBytes, randomUUID, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Database, Statement } from 'harmonydb'
import { HarmonyError } from 'harmonydb'
import { sureWrite } from './sure-write.ts'

export interface User {
  readonly id: number
  readonly name: string
}

export const NAME_LENGTH_MAX = 24
export const PASSWORD_LENGTH_MIN = 8
export const SESSION_SECONDS: number = 30 * 24 * 3600
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{1,23}$/u
const HASH_BYTES = 32
const scryptAsync = promisify<string, Buffer, number, Buffer>(scrypt)

/** What a person did wrong; the message is for them. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

export class Accounts {
  readonly #db: Database
  readonly #byToken: Statement<User>
  readonly #byName: Statement<User & { readonly password: string }>

  constructor(db: Database) {
    this.#db = db
    this.#byToken = db.prepare(
      'SELECT users.id, users.name FROM sessions JOIN users ON users.id = user_id WHERE token_hash = ? AND expires_at > unixepoch()',
    )
    this.#byName = db.prepare('SELECT id, name, password FROM users WHERE name = ?')
  }

  /** Who has this session; null for nobody. Asked for every page, and microseconds away. */
  userOf(token: string | undefined): User | null {
    return token === undefined ? null : (this.#byToken.get(hashOf(token)) ?? null)
  }

  /** The token of a new session. Rejects with Refused. */
  async signUp(name: string, password: string): Promise<string> {
    if (!NAME.test(name)) throw new Refused('A name has 2 to 24 letters, digits, spaces, dots or dashes.')
    if (password.length < PASSWORD_LENGTH_MIN)
      throw new Refused(`A password has at least ${PASSWORD_LENGTH_MIN} characters.`)
    const stored = await encode(password)
    const idempotencyKey = randomUUID()
    const insert = 'INSERT INTO users (name, password) VALUES (?, ?)'
    try {
      const { lastInsertRowid } = await sureWrite(() =>
        this.#db.execute(insert, [name, stored], { idempotencyKey }),
      )
      return await this.#newSession(Number(lastInsertRowid))
    } catch (error) {
      if (error instanceof HarmonyError && error.code === 'SQLITE_CONSTRAINT_UNIQUE')
        throw new Refused(`${name} is taken: choose another name.`)
      throw error
    }
  }

  /** The token of a new session. Rejects with Refused. */
  async signIn(name: string, password: string): Promise<string> {
    const user = this.#byName.get(name)
    if (user === undefined || !(await isRight(password, user.password)))
      throw new Refused('There is nobody with this name and this password.')
    return this.#newSession(user.id)
  }

  async signOut(token: string): Promise<void> {
    await sureWrite(() => this.#db.execute('DELETE FROM sessions WHERE token_hash = ?', [hashOf(token)]))
  }

  async #newSession(userId: number): Promise<string> {
    const token = randomBytes(HASH_BYTES).toString('base64url')
    // The same row whenever it is tried: it needs no idempotency key.
    const insert = 'INSERT OR REPLACE INTO sessions VALUES (?, ?, unixepoch() + ?)'
    await sureWrite(() => this.#db.execute(insert, [hashOf(token), userId, SESSION_SECONDS]))
    return token
  }
}

/** Whoever reads the database can't use the sessions in it. */
function hashOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest()
}

async function encode(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await scryptAsync(password, salt, HASH_BYTES)
  return `${salt.toString('base64url')}.${hash.toString('base64url')}`
}

async function isRight(password: string, stored: string): Promise<boolean> {
  const [salt = '', hash = ''] = stored.split('.')
  const given = await scryptAsync(password, Buffer.from(salt, 'base64url'), HASH_BYTES)
  return timingSafeEqual(given, Buffer.from(hash, 'base64url'))
}
