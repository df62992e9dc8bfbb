/** Random damage to good messages, the same for the same seed. */

/** xorshift32: enough for damage, and the same everywhere. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed | 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

export type Random = (below: number) => number

/** What JSON is made of, in places where it does not belong. */
export const JSON_PIECES: readonly string[] = [
  'null',
  '{}',
  '[]',
  '-1',
  '1e999',
  '"\\ud800"',
  '""',
  '"type"',
  ',',
  '}',
  '{"type":"not","cond":',
]

/** One piece of damage. */
export function damage(bytes: Buffer, random: Random): Buffer {
  const at = random(bytes.length + 1)
  switch (random(6)) {
    case 0: {
      const flipped = Buffer.from(bytes)
      if (at < bytes.length) flipped[at] = random(256)
      return flipped
    }
    case 1:
      return bytes.subarray(0, at)
    case 2:
      return Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(Math.min(bytes.length, at + 1 + random(8))),
      ])
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(bytes.length + 1))])
    case 4: {
      const piece = Buffer.from(JSON_PIECES[random(JSON_PIECES.length)] ?? '')
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
    }
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from([random(256), random(256)]),
        bytes.subarray(at),
      ])
  }
}
