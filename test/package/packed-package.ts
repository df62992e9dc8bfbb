/** The package as it would be published, built and packed in a temporary folder, so that nothing of the working tree helps it. */

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const ROOT: string = join(import.meta.dirname, '../..')
const TEXTS = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'docs']

export interface PackageJson {
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
}

export function readPackageJson(folder: string): PackageJson {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson
}

export class PackedPackage {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'harmonydb-package-'))
  /** The file that would be published. */
  readonly tarball: string
  /** Paths in it. */
  readonly files: readonly string[]

  constructor() {
    const source = join(this.folder, 'source')
    mkdirSync(source)
    for (const name of TEXTS) cpSync(join(ROOT, name), join(source, name), { recursive: true })
    const compiler = join(ROOT, 'node_modules/.bin/tsc')
    execFileSync(compiler, ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(source, 'dist')], {
      stdio: 'inherit',
    })
    const options = ['pack', '--ignore-scripts', '--json', '--pack-destination', this.folder]
    const output = execFileSync('npm', options, { cwd: source, encoding: 'utf8' })
    const [packed] = JSON.parse(output) as { filename: string; files: { path: string }[] }[]
    this.tarball = join(this.folder, packed?.filename ?? '')
    this.files = packed?.files.map(({ path }) => path) ?? []
  }

  /**
   * An empty project that has the package installed, without asking a registry: the tarball is unpacked, and what it depends on is linked
   * to what this repository has installed.
   */
  installOffline(): string {
    const project = join(this.folder, 'project')
    const home = join(project, 'node_modules/harmonydb')
    mkdirSync(home, { recursive: true })
    writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    execFileSync('tar', ['-xzf', this.tarball, '--strip-components=1', '-C', home])
    const { dependencies, peerDependencies } = readPackageJson(home)
    for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), '@types/node']) {
      const link = join(project, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(ROOT, 'node_modules', name), link)
    }
    return project
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
