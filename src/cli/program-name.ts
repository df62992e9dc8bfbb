/** How a command is typed where this program runs: in the repository through npm, installed by its own name. */

const IS_REPOSITORY = import.meta.url.endsWith('.ts')
/** Commands with a script of their own in package.json. */
const SCRIPTS: Readonly<Record<string, string>> = {
  start: 'npm start',
  shell: 'npm run shell',
  cluster: 'npm run cluster',
}

export function typedCommand(command: string, argument = ''): string {
  if (!IS_REPOSITORY) return argument === '' ? `harmonydb ${command}` : `harmonydb ${command} ${argument}`
  const script = SCRIPTS[command]
  if (script === undefined) return `npm run harmonydb -- ${command} ${argument}`.trimEnd()
  return argument === '' ? script : `${script} -- ${argument}`
}
