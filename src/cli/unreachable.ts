/** No member answers where it was asked, or what answers is none. The message says where, and what to do. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}
