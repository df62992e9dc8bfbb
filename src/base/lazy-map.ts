/**
 * A map that takes no memory before it has an entry: an empty `Map` takes two hundred bytes, which is much for what each of some ten
 * thousand connections has several of and hardly any uses.
 */

export class LazyMap<K, V> {
  #map: Map<K, V> | null = null

  get size(): number {
    return this.#map === null ? 0 : this.#map.size
  }

  get(key: K): V | undefined {
    return this.#map?.get(key)
  }

  has(key: K): boolean {
    return this.#map !== null && this.#map.has(key)
  }

  set(key: K, value: V): void {
    this.#map ??= new Map()
    this.#map.set(key, value)
  }

  /** True if it was there. */
  delete(key: K): boolean {
    return this.#map !== null && this.#map.delete(key)
  }

  clear(): void {
    this.#map = null
  }

  /** In the order of insertion; entries may be deleted meanwhile. */
  entries(): Iterable<[K, V]> {
    return this.#map ?? []
  }

  keys(): Iterable<K> {
    return this.#map?.keys() ?? []
  }

  values(): Iterable<V> {
    return this.#map?.values() ?? []
  }
}
