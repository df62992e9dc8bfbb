/**
 * Where the C library is GNU's: freed memory goes back to the system, at the end of its heaps and where a piece was large. By itself it raises both limits as it goes, and then keeps
 * what V8 needed to compile PostgreSQL's parser, once: some 40 MB of each process. Others don't look at it.
 */
const MALLOC = { MALLOC_TRIM_THRESHOLD_: String(2 ** 20) }

/** The environment of gateway processes: UTC wherever the member stands, and nothing of the member's own settings; tokens may be among them. */
export function gatewayEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HARMONYDB_'))
  return { ...MALLOC, ...Object.fromEntries(inherited), TZ: 'UTC' }
}
