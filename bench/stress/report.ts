import type { StressResult } from './result.ts'
export function renderReport(result: StressResult): string {
  return JSON.stringify(result)
}
