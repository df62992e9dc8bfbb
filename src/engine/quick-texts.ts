/**
 * Which statements are known to be quick. A text that comes again is judged once, by the engine that has run it: there it was compiled
 * under a limit of time, so a text that takes for ever to compile never comes near the member's own thread.
 */

import type { Judgement } from './far-engine.ts'

/** Of one text: a longer one holds its values itself and rarely comes again. */
const LENGTH_MAX = 4_096
const TEXTS_MAX = 2_000

type Text =
  | { readonly kind: 'seen' }
  | { readonly kind: 'asked' }
  | { readonly kind: 'judged'; readonly judgement: Judgement }

export class QuickTexts {
  readonly #texts = new Map<string, Text>()

  /** Under the schema of this number. */
  isQuick(sql: string, structure: number): boolean {
    const text = this.#texts.get(sql)
    return text?.kind === 'judged' && text.judgement.isQuick && text.judgement.structure === structure
  }

  /** It has run. Whether it is to be judged now: it came before, and no judgement of it holds. */
  note(sql: string, structure: number): boolean {
    if (sql.length > LENGTH_MAX) return false
    const text = this.#texts.get(sql)
    if (text === undefined) {
      this.#add(sql)
      return false
    }
    if (text.kind === 'asked') return false
    if (text.kind === 'judged' && text.judgement.structure === structure) return false
    this.#texts.set(sql, { kind: 'asked' })
    return true
  }

  /** Null: it could not be judged, and may be asked for again. */
  judged(sql: string, judgement: Judgement | null): void {
    if (!this.#texts.has(sql)) return
    this.#texts.set(sql, judgement === null ? { kind: 'seen' } : { kind: 'judged', judgement })
  }

  #add(sql: string): void {
    this.#texts.set(sql, { kind: 'seen' })
    if (this.#texts.size <= TEXTS_MAX) return
    for (const oldest of this.#texts.keys()) {
      this.#texts.delete(oldest)
      return
    }
  }
}
