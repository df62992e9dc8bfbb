/**
 * The configurations of a log, oldest first.
 *
 * A replica uses the newest one in its log, whether or not it is committed (§6, thesis 4.1). Truncating the
 * log takes the configurations in it back, which is why the older ones are kept down to the log's base.
 * The alternative, to use a configuration when it is applied, needs a rule against campaigning with one that
 * is committed and not yet applied, and still wedges a group whose removed voter vanishes early.
 */

import { assert } from '../base/assert.ts'
import type { Configuration } from './membership.ts'

export class MembershipHistory {
  /** By growing index; the first is in force at the log's base. Never empty. */
  #configurations: Configuration[]

  constructor(base: Configuration) {
    this.#configurations = [base]
  }

  /** The configuration in force. */
  get active(): Configuration {
    return this.#configurations[this.#configurations.length - 1]!
  }

  append(configuration: Configuration): void {
    assert(configuration.index > this.active.index, 'configurations must come in log order')
    this.#configurations.push(configuration)
  }

  /** Entries at `from` and beyond are gone. Whether that changed the configuration in force. */
  truncate(from: number): boolean {
    const before = this.#configurations.length
    while (this.active.index >= from) {
      assert(this.#configurations.length > 1, 'the configuration of the base was truncated')
      this.#configurations.pop()
    }
    return this.#configurations.length !== before
  }

  /** Only a snapshot's configuration is left. */
  reset(configuration: Configuration): void {
    this.#configurations = [configuration]
  }

  /** Entries up to `baseIndex` are gone. */
  compact(baseIndex: number): void {
    const base = this.#positionAt(baseIndex)
    this.#configurations = this.#configurations.slice(base)
  }

  /** The newest configuration at or before `index`, which must not be before the base. */
  at(index: number): Configuration {
    return this.#configurations[this.#positionAt(index)]!
  }

  #positionAt(index: number): number {
    for (let at = this.#configurations.length - 1; at > 0; at -= 1)
      if (this.#configurations[at]!.index <= index) return at
    return 0
  }
}
