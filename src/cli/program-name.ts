/** How a command is typed where this program runs: in the repository through npm, installed by its own name. */

const IS_REPOSITORY = import.meta.url.endsWith('.ts')

export function typedCommand(command: 'start' | 'shell', argument = ''): string {
  const separator = argument === '' ? '' : IS_REPOSITORY ? ' -- ' : ' '
  const name = command === 'start' ? 'npm start' : 'npm run shell'
  return `${IS_REPOSITORY ? name : `harmonydb ${command}`}${separator}${argument}`
}
