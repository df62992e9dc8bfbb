/**
 * CRC-32C (Castagnoli), as in RFC 3720 appendix B.4: polynomial 0x1EDC6F41 reflected, initial value and final
 * XOR all ones. It finds every burst of up to 32 bits and, up to 2^31 bits, every error of up to 3 bits;
 * storage systems settled on it for that. Node.js has only the older CRC-32 natively (`zlib.crc32`).
 *
 * "Slicing by 8" (Kounavis and Berry, Intel 2005): eight tables take eight bytes a step.
 */

const POLYNOMIAL_REFLECTED = 0x82f63b78
const SLICES = 8

/** Table s at s * 256: the checksum of a byte followed by s zero bytes. */
const TABLES = buildTables()

function buildTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL_REFLECTED : crc >>> 1
    tables[byte] = crc
  }
  for (let at = 256; at < tables.length; at++) {
    const previous = tables[at - 256] as number
    tables[at] = (previous >>> 8) ^ (tables[previous & 0xff] as number)
  }
  return tables
}

/**
 * Checksum of `bytes[start..end)`, as an unsigned 32-bit number. `seed` is the checksum of what came before, so that
 * `crc32c(b, crc32c(a))` equals the checksum of `a` followed by `b`.
 */
export function crc32c(
  bytes: Uint8Array,
  seed: number = 0,
  start: number = 0,
  end: number = bytes.length,
): number {
  const t = TABLES
  let crc = ~seed
  let at = start
  // The casts are for `noUncheckedIndexedAccess`: every index is within its table or before `end`.
  for (; at + SLICES <= end; at += SLICES) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24))
    crc =
      (t[1792 + (low & 0xff)] as number) ^
      (t[1536 + ((low >>> 8) & 0xff)] as number) ^
      (t[1280 + ((low >>> 16) & 0xff)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number)
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 0xff] as number)
  return ~crc >>> 0
}
