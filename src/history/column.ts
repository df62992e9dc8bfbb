/** A column of numbers that grows: one, four or eight bytes for each, where an object with a number in it takes fifty. */

type Cells = Uint8Array | Int32Array | Float64Array

const CELLS_MIN = 16

export class Column {
  readonly #make: (length: number) => Cells
  #cells: Cells
  #length = 0

  constructor(make: (length: number) => Cells) {
    this.#make = make
    this.#cells = make(CELLS_MIN)
  }

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#cells.length) this.#grow()
    this.#cells[this.#length++] = value
  }

  /** What was pushed as number `at`, from 0; nobody asks for others. */
  at(at: number): number {
    return this.#cells[at] as number
  }

  set(at: number, value: number): void {
    this.#cells[at] = value
  }

  #grow(): void {
    const cells = this.#make(this.#cells.length * 2)
    cells.set(this.#cells)
    this.#cells = cells
  }
}

/** From 0 to 255. */
export function bytes(): Column {
  return new Column((length) => new Uint8Array(length))
}

/** From -2^31 to 2^31 - 1. */
export function integers(): Column {
  return new Column((length) => new Int32Array(length))
}

/** Any number. */
export function numbers(): Column {
  return new Column((length) => new Float64Array(length))
}
