/** The version in package.json, which lies two folders up from the source and from the built package alike. */

import { readFileSync } from 'node:fs'

export function harmonyVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
