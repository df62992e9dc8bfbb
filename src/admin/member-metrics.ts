/** Metrics of a member's journal and databases. */

import type { MemberStats } from '../cluster/member.ts'
import { counter, gauge } from './process-metrics.ts'
import type { MetricFamily } from './prometheus.ts'

export function memberMetrics(stats: MemberStats): readonly MetricFamily[] {
  const { journal, databases, transport, routing } = stats
  return [
    ...journalMetrics(journal),
    ...databaseMetrics(databases),
    ...replicaMetrics(databases),
    ...routingMetrics(routing),
    ...transportMetrics(transport),
  ]
}

function routingMetrics(routing: MemberStats['routing']): readonly MetricFamily[] {
  return [
    counter(
      'harmonydb_routing_forwarded_total',
      'Transactions that were sent to the member that leads their database.',
      routing.forwarded,
    ),
    counter(
      'harmonydb_routing_repeated_total',
      'Tries after a first one that was certainly not done, as during an election.',
      routing.repeated,
    ),
    counter(
      'harmonydb_routing_unknown_total',
      'Transactions of which clients were told OUTCOME_UNKNOWN.',
      routing.unknown,
    ),
    gauge(
      'harmonydb_routing_held_transactions',
      "Interactive transactions of other members' clients that are open here.",
      routing.heldTransactions,
    ),
  ]
}

/** A member without peers has the families without samples, so that dashboards find the names. */
function transportMetrics(transport: MemberStats['transport']): readonly MetricFamily[] {
  const links = transport?.links ?? []
  const perPeer = (
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    read: (link: (typeof links)[number]) => number,
  ): MetricFamily => ({
    type,
    name,
    help,
    samples: links.map((link) => ({ labels: { member: String(link.member) }, value: read(link) })),
  })
  return [
    perPeer(
      'gauge',
      'harmonydb_peer_queued_bytes',
      'Waiting to be sent to the member.',
      (one) => one.queuedBytes,
    ),
    perPeer(
      'counter',
      'harmonydb_peer_messages_total',
      "Raft's messages sent to the member.",
      (one) => one.sentMessages,
    ),
    perPeer(
      'counter',
      'harmonydb_peer_messages_dropped_total',
      "Raft's messages to the member that were lost because it was not reached or too slow.",
      (one) => one.droppedMessages,
    ),
    perPeer(
      'counter',
      'harmonydb_peer_streamed_bytes_total',
      'Sent to the member as copies of databases.',
      (one) => one.streamedBytes,
    ),
    counter(
      'harmonydb_peer_refused_total',
      'Connections of peers that were refused: a wrong secret, another cluster, another version.',
      transport?.refused ?? 0,
    ),
  ]
}

function journalMetrics(journal: MemberStats['journal']): readonly MetricFamily[] {
  return [
    gauge('harmonydb_journal_bytes', 'Size of the journal on disk.', journal.sizeBytes),
    gauge('harmonydb_journal_live_bytes', 'Size of the entries that are still needed.', journal.liveBytes),
    gauge('harmonydb_journal_segments', 'Files of the journal.', journal.segments),
    gauge(
      'harmonydb_journal_pending_bytes',
      'Written to the journal and not yet durable.',
      journal.pendingBytes,
    ),
    gauge(
      'harmonydb_journal_pending_seconds',
      'How long the oldest of that waits.',
      journal.pendingMs / 1000,
    ),
    gauge(
      'harmonydb_journal_failed',
      '1 if the journal takes no more writes until a restart.',
      journal.failure === null ? 0 : 1,
    ),
    counter('harmonydb_journal_records_total', 'Records made durable.', journal.records),
    counter('harmonydb_journal_written_bytes_total', 'Bytes made durable.', journal.writtenBytes),
    {
      type: 'histogram',
      name: 'harmonydb_journal_sync_duration_seconds',
      help: 'From the start of a write to the journal until it is durable.',
      samples: [{ data: journal.syncLatency }],
    },
  ]
}

type Database = MemberStats['databases'][number]

type PerDatabase = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  read: (database: Database) => number,
) => MetricFamily

/** One sample for each database. */
function perDatabaseOf(databases: readonly Database[]): PerDatabase {
  return (type, name, help, read) => ({
    type,
    name,
    help,
    samples: databases.map((database) => ({
      labels: { database: database.database },
      value: read(database),
    })),
  })
}

function replicaMetrics(databases: readonly Database[]): readonly MetricFamily[] {
  const perDatabase = perDatabaseOf(databases)
  return [
    perDatabase(
      'counter',
      'harmonydb_raft_elections_won_total',
      'How often this member became the leader.',
      (one) => one.electionsWon,
    ),
    perDatabase(
      'counter',
      'harmonydb_snapshots_sent_total',
      'Copies of the database sent to other members.',
      (one) => one.snapshots.sent,
    ),
    perDatabase(
      'counter',
      'harmonydb_snapshots_failed_total',
      'Such sendings that ended early; they are begun again where they ended.',
      (one) => one.snapshots.failed,
    ),
    perDatabase(
      'counter',
      'harmonydb_snapshots_installed_total',
      'Copies of other members that took the place of the file here.',
      (one) => one.snapshots.installed,
    ),
    perDatabase(
      'counter',
      'harmonydb_snapshots_received_bytes_total',
      'Received of such copies.',
      (one) => one.snapshots.receivedBytes,
    ),
    perDatabase(
      'counter',
      'harmonydb_replica_damaged_total',
      "How often the file here was found to be damaged, or different from the leader's.",
      (one) => one.snapshots.damaged,
    ),
    perDatabase(
      'counter',
      'harmonydb_replica_healed_total',
      'How often it was made whole again.',
      (one) => one.snapshots.healed,
    ),
  ]
}

function databaseMetrics(databases: readonly Database[]): readonly MetricFamily[] {
  const perDatabase = perDatabaseOf(databases)
  return [
    perDatabase(
      'gauge',
      'harmonydb_database_applied_index',
      'Log index that the database has.',
      (one) => one.appliedIndex,
    ),
    perDatabase(
      'gauge',
      'harmonydb_database_commit_index',
      'Log index that is committed.',
      (one) => one.commitIndex,
    ),
    perDatabase('gauge', 'harmonydb_database_awake', '1 if the database is open, 0 if it sleeps.', (one) =>
      one.isAwake ? 1 : 0,
    ),
    perDatabase('gauge', 'harmonydb_database_failed', '1 if the database can not be used.', (one) =>
      one.failure === null ? 0 : 1,
    ),
    perDatabase(
      'gauge',
      'harmonydb_database_transactions_waiting',
      'Interactive transactions that wait for the writer.',
      (one) => one.waitingTransactions,
    ),
    perDatabase(
      'counter',
      'harmonydb_database_transactions_total',
      'Interactive transactions that took the writer.',
      (one) => one.transactions,
    ),
    perDatabase(
      'counter',
      'harmonydb_database_checkpoints_total',
      'Checkpoints made.',
      (one) => one.checkpoints,
    ),
    {
      type: 'histogram',
      name: 'harmonydb_database_write_duration_seconds',
      help: 'From handing a transaction to the writer until it is durable.',
      samples: databases.map(({ database, submitLatency }) => ({
        labels: { database },
        data: submitLatency,
      })),
    },
  ]
}
