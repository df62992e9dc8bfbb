/**
 * What a client sends (PostgreSQL documentation, "Message Formats"). Byte fields are views of what was received.
 */

export type StartupMessage =
  | {
      readonly kind: 'startup'
      /** Minor version of protocol 3 that the client asks for. */
      readonly minorVersion: number
      readonly parameters: ReadonlyMap<string, string>
    }
  /** Not this protocol, or a client that left before it began: its length makes no sense. Nothing is left in the framer. */
  | { readonly kind: 'unintelligible' }
  | { readonly kind: 'sslRequest' }
  | { readonly kind: 'gssEncRequest' }
  | { readonly kind: 'cancelRequest'; readonly processId: number; readonly secret: Buffer }

/** 0 is text, 1 is binary. */
export type Format = 0 | 1

export type FrontendMessage =
  | { readonly kind: 'query'; readonly sql: string }
  | {
      readonly kind: 'parse'
      readonly name: string
      readonly sql: string
      /** 0 where the client leaves the type to the server. */
      readonly parameterTypes: readonly number[]
    }
  | {
      readonly kind: 'bind'
      readonly portal: string
      readonly statement: string
      /** None: all text. One: for all. Else one for each. */
      readonly parameterFormats: readonly Format[]
      /** null is NULL. */
      readonly parameters: readonly (Buffer | null)[]
      readonly resultFormats: readonly Format[]
    }
  | { readonly kind: 'describe'; readonly target: 'statement' | 'portal'; readonly name: string }
  /** `rowsMax` 0 is all. */
  | { readonly kind: 'execute'; readonly portal: string; readonly rowsMax: number }
  | { readonly kind: 'close'; readonly target: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'sync' }
  | { readonly kind: 'flush' }
  | { readonly kind: 'terminate' }
  | { readonly kind: 'copyData'; readonly data: Buffer }
  | { readonly kind: 'copyDone' }
  | { readonly kind: 'copyFail'; readonly reason: string }
  /** Password, SASLInitialResponse and SASLResponse share one type byte: who waits for it knows which. */
  | { readonly kind: 'authentication'; readonly payload: Buffer }
  | { readonly kind: 'functionCall' }
