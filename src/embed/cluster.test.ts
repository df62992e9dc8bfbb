import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { HarmonyDB, OpenOptions } from './open.ts'
import { open } from './open.ts'
import { freeAddresses } from './testing/free-addresses.ts'
import { openMembers } from './testing/open-members.ts'

const SECRET = 'a secret of members, for tests'

/** Members of a machine that is busy may elect another leader at any time. */
const once = (): { readonly idempotencyKey: string } => ({ idempotencyKey: randomUUID() })

test('three members in one process: what one writes, all read; the others go on without it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-embed-'))
  const peers = await freeAddresses(3)
  const members = await openMembers(
    t,
    folder,
    peers.map((listen) => ({ listen, peers, secret: SECRET })),
  )
  const [first, second, third] = members as [HarmonyDB, HarmonyDB, HarmonyDB]
  await first.execute('CREATE TABLE posts (id INTEGER PRIMARY KEY, author TEXT)', [], once())
  await Promise.all(
    members.map((db, at) => db.execute('INSERT INTO posts (author) VALUES (?)', [`member ${at}`], once())),
  )
  for (const db of members) {
    const { rows } = await db.execute<{ author: string }>('SELECT author FROM posts ORDER BY author')
    assert.deepEqual(
      rows.map(({ author }) => author),
      ['member 0', 'member 1', 'member 2'],
    )
    // What a linearizable read has seen, a synchronous one here sees, too.
    assert.equal(db.prepare<{ n: number }>('SELECT count(*) AS n FROM posts').get()?.n, 3)
  }
  const author = third.prepare('SELECT author FROM posts WHERE id = ?')
  for (let round = 0; round < 3; round++) {
    // Often enough that it is answered from memory.
    for (let count = 0; count < 1_000; count++) author.get(1)
    await second.execute('UPDATE posts SET author = ? WHERE id = 1', [`again ${round}`], once())
    await third.execute('SELECT 1')
    assert.deepEqual(author.get(1), { author: `again ${round}` }, 'what another member wrote')
  }
  await first.close()
  const after = (): Promise<void> =>
    second.transaction(async (tx) => {
      await tx.execute("INSERT INTO posts (id, author) VALUES (100, 'after') ON CONFLICT DO NOTHING")
    })
  await after().catch((error: Error & { code?: string }) => {
    if (error.code === 'OUTCOME_UNKNOWN') return after()
    throw error
  })
  assert.equal((await third.execute("SELECT 1 FROM posts WHERE author = 'after'")).rows.length, 1)
})

test('options that make no cluster are refused before anything is opened', async () => {
  const cases: readonly OpenOptions[] = [
    { peers: ['127.0.0.1:7001'] },
    { listen: 'nowhere', secret: SECRET },
    { listen: '127.0.0.1:7001', secret: 'short' },
    { listen: '127.0.0.1:7001', secret: SECRET, peers: ['127.0.0.1:7001'], join: ['127.0.0.1:7002'] },
    { listen: '127.0.0.1:7001', secret: SECRET, peers: ['dns:members:7001'] },
    { listen: '127.0.0.1:7001', secret: SECRET, peers: ['a:1', 'b:1', 'c:1', 'd:1'], expect: 2 },
  ]
  for (const options of cases)
    await assert.rejects(open('/nowhere/at/all', options), { code: 'ARGS_INVALID' })
})
