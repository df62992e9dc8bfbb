/** Metrics of the process that runs the gateway: memory, CPU, the event loop. */

import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { MetricFamily } from './prometheus.ts'

const RESOLUTION_MS = 20

/** Starts measuring the event loop; the returned function reads everything. */
export function startProcessMetrics(version: string): () => readonly MetricFamily[] {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  const startedSeconds = (performance.timeOrigin ?? 0) / 1000
  return () => {
    const memory = process.memoryUsage()
    const cpu = process.cpuUsage()
    const families = [
      gauge('harmonydb_build_info', 'Always 1; the labels tell what runs.', 1, {
        version,
        node: process.versions.node,
        sqlite: process.versions['sqlite'] ?? 'unknown',
      }),
      gauge('harmonydb_process_start_time_seconds', 'When the process started, since 1970.', startedSeconds),
      gauge('harmonydb_process_resident_memory_bytes', 'Memory of the process.', memory.rss),
      gauge('harmonydb_process_heap_used_bytes', 'Used heap of the main thread.', memory.heapUsed),
      counter(
        'harmonydb_process_cpu_seconds_total',
        'CPU time of all threads.',
        (cpu.user + cpu.system) / 1e6,
      ),
      gauge(
        'harmonydb_event_loop_delay_p99_seconds',
        'How late timers of the main thread fired since the last scrape, 99th percentile.',
        Math.max(0, delay.percentile(99) / 1e9 - RESOLUTION_MS / 1000),
      ),
    ]
    delay.reset()
    return families
  }
}

export function gauge(
  name: string,
  help: string,
  value: number,
  labels?: Readonly<Record<string, string>>,
): MetricFamily {
  return { type: 'gauge', name, help, samples: [labels === undefined ? { value } : { value, labels }] }
}

export function counter(name: string, help: string, value: number): MetricFamily {
  return { type: 'counter', name, help, samples: [{ value }] }
}
