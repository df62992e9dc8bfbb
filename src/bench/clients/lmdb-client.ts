/** lmdb called in this process, through its library for Node.js. A write is acknowledged when it is on disk (`flushed`), as everybody else's is. */

import { createRequire } from 'node:module'
import type { Endpoint, KeyValueConnection } from '../target.ts'
import type { Connector } from './connect.ts'

interface Store {
  get(key: string): string | undefined
  put(key: string, value: string): Promise<boolean>
  getRange(options: { readonly start: string; readonly limit: number }): Iterable<{ readonly value: string }>
  readonly flushed: Promise<unknown>
  close(): Promise<void>
}

interface Lmdb {
  open(options: { readonly path: string; readonly encoding: string }): Store
}

export function openLmdb({ module, folder }: Extract<Endpoint, { readonly kind: 'lmdb' }>): Connector {
  const store = (createRequire(import.meta.url)(module) as Lmdb).open({ path: folder, encoding: 'string' })
  const connection: KeyValueConnection = {
    kind: 'key-value',
    get: async (key) => store.get(key) ?? null,
    put: async (key, value) => {
      await store.put(key, value)
      await store.flushed
    },
    scan: async (key, limit) => {
      let found = 0
      for (const { value } of store.getRange({ start: key, limit })) if (value !== '') found++
      return found
    },
    close: () => Promise.resolve(),
  }
  return { connect: () => Promise.resolve(connection), close: () => store.close() }
}
