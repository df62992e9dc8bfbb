/**
 * Prepared statements by name. The unnamed one, which is replaced each time and is the only one of most clients, is kept by itself: a map for it alone would be a
 * good part of what an idle connection takes.
 */

import { LazyMap } from '../../../base/lazy-map.ts'
import type { PreparedStatement } from './prepared.ts'

export class PreparedStatements {
  #unnamed: PreparedStatement | null = null
  readonly #named = new LazyMap<string, PreparedStatement>()

  get namedCount(): number {
    return this.#named.size
  }

  /** Those that have a name, in the order in which they were prepared. */
  named(): Iterable<PreparedStatement> {
    return this.#named.values()
  }

  get(name: string): PreparedStatement | undefined {
    return name === '' ? (this.#unnamed ?? undefined) : this.#named.get(name)
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** In place of the one that has its name. */
  set(statement: PreparedStatement): void {
    if (statement.name === '') this.#unnamed = statement
    else this.#named.set(statement.name, statement)
  }

  /** True if it was there. */
  delete(name: string): boolean {
    if (name !== '') return this.#named.delete(name)
    const wasThere = this.#unnamed !== null
    this.#unnamed = null
    return wasThere
  }

  clear(): void {
    this.#unnamed = null
    this.#named.clear()
  }
}
