/** What a member shows to clients that ask for TLS. */

import { createPrivateKey, X509Certificate } from 'node:crypto'

/** PEM texts. */
export interface ServerCertificate {
  /** The server's own first; those of authorities between it and a root may follow. */
  readonly cert: string
  /** Without a passphrase. */
  readonly key: string
}

/** Why clients could not be served with it; null if they can. Told at the start, because a client would only hear that TLS failed. */
export function certificateFault({ cert, key }: ServerCertificate): string | null {
  try {
    const matches = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
    return matches ? null : 'the key is not the one of the certificate'
  } catch (error) {
    return `no PEM certificate and private key without a passphrase (${(error as Error).message})`
  }
}
