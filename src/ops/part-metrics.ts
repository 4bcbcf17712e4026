/** What Prometheus reads of the parts that Studio stands on: queues, workers, database, Redis, volume, backups, the shadow copy. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../kernel/clock.ts';
import type { Snapshot } from './vitals.ts';
import type { Watched } from './watched.ts';

const BEAT_MS = 30_000;

/** @returns called with a look at them before each reading */
export function registerPartMetrics(registry: Registry, parts: { readonly clock: Clock; readonly watched: Watched }): (snapshot: Snapshot) => void {
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const byQueue = (name: string, help: string): Gauge<'queue'> => new Gauge({ name, help, labelNames: ['queue'], registers });
  const depth = byQueue('env_queue_depth', 'Jobs that wait, by queue');
  const running = byQueue('studio_jobs_running', 'Jobs that run, by queue');
  const stuck = byQueue('studio_jobs_stuck', 'Jobs that wait for more than five minutes on a queue that no living worker serves');
  const workers = gauge('studio_workers_alive', 'Workers that beat in the last 30 seconds');
  const beat = gauge('studio_worker_beat_age_seconds', 'Age of the newest beat of any worker');
  const workflows = gauge('workflows_total', 'Workflows that are not archived');
  const lag = gauge('studio_outbox_lag_seconds', 'How long the oldest event waits that notifications have not read');
  const database = gauge('studio_postgres_up', '1: PostgreSQL answers');
  const connections = gauge('studio_postgres_connections', 'Connections to the database');
  const maxConnections = gauge('studio_postgres_max_connections', 'Connections that PostgreSQL allows');
  const redis = gauge('studio_redis_up', '1: Redis answers');
  const redisMemory = gauge('studio_redis_memory_bytes', 'Memory that Redis uses');
  const redisLimit = gauge('studio_redis_max_memory_bytes', 'Memory that Redis may use; 0: no limit');
  const evicted = new Counter({ name: 'studio_redis_evicted_keys_total', help: 'Keys that Redis threw out for lack of memory', registers });
  const free = gauge('studio_workspace_free_bytes', 'Free space of the volume that holds the workspace');
  const total = gauge('studio_workspace_size_bytes', 'Size of the volume that holds the workspace');
  const used = gauge('studio_workspace_used_bytes', 'Used space of the volume that holds the workspace, whoever uses it');
  const inodes = gauge('studio_workspace_free_inodes', 'Files that the volume still has room for');
  registerCopies(registry, parts);

  return (snapshot) => {
    for (const one of [depth, running, stuck]) one.reset();
    for (const line of snapshot.queues ?? []) {
      depth.set({ queue: line.queue }, line.pending);
      running.set({ queue: line.queue }, line.running);
      stuck.set({ queue: line.queue }, line.hasWorker ? 0 : line.stuck);
    }
    const ages = (snapshot.workers ?? []).map(({ beatAgeMs }) => beatAgeMs);
    workers.set(ages.filter((age) => age < BEAT_MS).length);
    if (ages.length > 0) beat.set(Math.min(...ages) / 1_000);
    database.set(Number(snapshot.database.ok));
    if (snapshot.store !== undefined) {
      workflows.set(snapshot.store.workflows);
      lag.set(snapshot.store.outboxLagMs / 1_000);
      connections.set(snapshot.store.connections);
      maxConnections.set(snapshot.store.maxConnections);
    }
    redis.set(Number(snapshot.redis.ok));
    if (snapshot.redisFacts !== undefined) {
      redisMemory.set(snapshot.redisFacts.usedMemoryBytes);
      redisLimit.set(snapshot.redisFacts.maxMemoryBytes);
      evicted.reset();
      evicted.inc(snapshot.redisFacts.evictedKeys);
    }
    if (snapshot.disk !== undefined) {
      free.set(snapshot.disk.freeBytes);
      total.set(snapshot.disk.totalBytes);
      used.set(snapshot.disk.totalBytes - snapshot.disk.freeBytes);
      inodes.set(snapshot.disk.freeInodes);
    }
  };
}

/** Backups and the shadow copy: no sample while nobody offers figures, or none is known. */
function registerCopies(registry: Registry, { clock, watched }: { readonly clock: Clock; readonly watched: Watched }): void {
  const known = (name: string, help: string, value: () => number | null | undefined): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: [] as const,
      registers: [registry],
      collect() {
        const now = value();
        this.remove();
        if (now !== null && now !== undefined) this.set(now);
      },
    });
  const age = (ms: number | null | undefined): number | null => (ms === null || ms === undefined ? null : Math.max(0, clock.now() - ms) / 1_000);
  known('studio_backup_age_seconds', 'Age of the newest backup that succeeded', () => age(watched.backup()?.lastSuccessMs));
  known('studio_backup_verified_age_seconds', 'How long ago a restore of a backup was last tried', () => age(watched.backup()?.lastVerifiedMs));
  known('studio_backup_verified_ok', '1: the last restore that was tried was true to what was saved', () => {
    const isOk = watched.backup()?.isVerifiedOk;
    return isOk === null || isOk === undefined ? null : Number(isOk);
  });
  known('studio_backup_bytes', 'Size of the newest backup', () => watched.backup()?.bytes);
  new Gauge({
    name: 'studio_backups',
    help: 'Whole backups at their place: logical ones restore anywhere, physical ones onto the same PostgreSQL',
    labelNames: ['kind'] as const,
    registers: [registry],
    collect() {
      for (const [kind, count] of Object.entries(watched.backup()?.kinds ?? {})) this.set({ kind }, count);
    },
  });
  known('studio_shadow_lag_seconds', 'What a loss of this machine would lose, as time', () => {
    const lagMs = watched.shadow()?.lagMs;
    return lagMs === undefined ? null : lagMs / 1_000;
  });
  known('studio_shadow_lag_bytes', 'The same as bytes of the log', () => watched.shadow()?.lagBytes);
}
