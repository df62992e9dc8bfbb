/** LISTEN on one member hears NOTIFY on another: notifications are in the log that every member applies. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ThreeMembers } from '../consistency/harness.ts'

test('a notification is heard on every member, and one that a member missed while it was cut off is heard when it is back', async () => {
  await using three = await ThreeMembers.open()
  const { leader, followers } = three.roles()
  const [first, second] = followers
  const listener = await first.postgres()
  const sender = await second.postgres()
  const heard: string[] = []
  let wake = (): void => undefined
  listener.on('notification', ({ payload = '' }) => {
    heard.push(payload)
    wake()
  })
  const hears = async (text: string): Promise<void> => {
    while (heard.at(-1) !== text) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  await listener.query('listen news')
  await sender.query("notify news, 'from a follower'")
  await hears('from a follower')
  const atLeader = await leader.postgres()
  three.cutOff(first)
  await atLeader.query("notify news, 'meanwhile'")
  await atLeader.query("notify news, 'from the leader'")
  three.heal(first)
  await hears('from the leader')
  assert.deepEqual(heard, ['from a follower', 'meanwhile', 'from the leader'])
  for (const client of [listener, sender, atLeader]) await client.end()
})
