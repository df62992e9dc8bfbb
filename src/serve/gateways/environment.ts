/** The environment of gateway processes: UTC wherever the member stands, and nothing of the member's own settings; tokens may be among them. */
export function gatewayEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HARMONYDB_'))
  return { ...Object.fromEntries(inherited), TZ: 'UTC' }
}
