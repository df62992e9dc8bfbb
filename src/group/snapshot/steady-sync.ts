/**
 * Makes a file durable while another process writes it. A copy of a gibibyte that is synced once, at its end, keeps the disk busy for seconds, and every
 * sync of the journal waits behind it; synced all the time it never has much to wait for. Reads, closes and syncs of another process touch none of
 * SQLite's locks.
 */

import type { Clock, Timer } from '../../host/clock.ts'
import type { Disk, DiskFile } from '../../host/disk.ts'

const PAUSE_MS = 50

export class SteadySync {
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #path: string
  #file: DiskFile | null = null
  #timer: Timer | null = null
  #syncing: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(disk: Disk, clock: Clock, path: string) {
    this.#disk = disk
    this.#clock = clock
    this.#path = path
    this.#syncLater()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#syncing
    await this.#file?.close()
  }

  #syncLater(): void {
    this.#timer = this.#clock.after(PAUSE_MS, () => {
      this.#syncing = this.#sync().then(
        () => {
          if (!this.#isStopped) this.#syncLater()
        },
        // Whoever writes the file syncs it at its end, and hears of what is wrong then.
        () => {},
      )
    })
  }

  async #sync(): Promise<void> {
    if (this.#file === null && !(await this.#disk.exists(this.#path))) return
    this.#file ??= await this.#disk.open(this.#path)
    await this.#file.sync()
  }
}
