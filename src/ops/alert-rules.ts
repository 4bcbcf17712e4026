/** What is worth telling somebody: from a look at the machine to readings, one a rule and subject. Pure; how long it has to be so is said here, whether it is told
 *  is alert-state.ts's. A rule that can't be judged (its figures are not there) gives no reading: nothing changes then. */
import type { AlertSettings } from '../contract/alerts.ts';
import type { AlertRule, AlertSeverity } from '../contract/values.ts';
import type { Gpu } from '../gpu/device.ts';
import type { BackupFigures } from './watched.ts';
import type { Snapshot } from './vitals.ts';

export interface AlertFacts {
  readonly nowMs: number;
  readonly snapshot: Snapshot;
  readonly gpus: readonly Gpu[];
  readonly backup: BackupFigures | undefined;
  readonly loopDelayMs: number;
  readonly errorRate: number;
  /** Steps and jobs that ended since the last look: a rate over nothing says nothing. */
  readonly ended: number;
  /** Answers, and those with 5xx, since the last look. */
  readonly requests: number;
  readonly failedRequests: number;
}

export interface Reading {
  readonly rule: AlertRule;
  readonly subject: string;
  readonly severity: AlertSeverity;
  readonly isBad: boolean;
  /** How long it has to be bad before it is told. */
  readonly forMs: number;
  readonly title: string;
  readonly body: string;
}

const S = 1_000;
const BEAT_MS = 30_000;
const GIB = 1024 ** 3;
/** One broken caller is no outage. */
const LEAST_REQUESTS = 20;
const LEAST_ENDED = 10;

export function readingsOf(facts: AlertFacts, settings: AlertSettings): readonly Reading[] {
  const all = [...partsOf(facts, settings), ...workOf(facts, settings), ...diskOf(facts, settings), ...backupOf(facts, settings), ...gpusOf(facts, settings)];
  return all.filter(({ rule }) => !settings.muted.includes(rule));
}

function partsOf({ snapshot, loopDelayMs, requests, failedRequests }: AlertFacts, settings: AlertSettings): readonly Reading[] {
  const isFailing = requests >= LEAST_REQUESTS && failedRequests / requests > 0.5;
  return [
    {
      ...one('api', 'critical', loopDelayMs > settings.loopDelayMs || isFailing, settings.apiS * S),
      title: isFailing ? 'Most requests are answered with a fault' : 'Studio answers late',
      body: isFailing
        ? `${failedRequests} of ${requests} requests were answered with 5xx. The log says why.`
        : `The event loop is ${Math.round(loopDelayMs)} ms late (limit ${settings.loopDelayMs} ms): the machine is short of processors, or its disk is very slow.`,
    },
    {
      ...one('database', 'critical', !snapshot.database.ok, settings.databaseS * S),
      title: 'The database does not answer',
      body: `PostgreSQL does not answer: ${snapshot.database.reason ?? 'it does now'}. Nothing new is accepted until it is back; what runs goes on.`,
    },
    {
      ...one('redis', 'warning', !snapshot.redis.ok, settings.redisS * S),
      title: 'Redis does not answer',
      body: `Redis does not answer: ${snapshot.redis.reason ?? 'it does now'}. Live updates are slower; nothing is lost.`,
    },
  ];
}

function workOf({ snapshot, errorRate, ended }: AlertFacts, settings: AlertSettings): readonly Reading[] {
  const { workers, queues } = snapshot;
  const readings: Reading[] = [];
  if (workers !== undefined)
    readings.push({
      ...one('workers', 'critical', !workers.some(({ beatAgeMs }) => beatAgeMs < BEAT_MS), settings.workersS * S),
      title: 'No worker beats',
      body: 'No worker has been heard of for half a minute: jobs wait. Look at the log for why it stopped, then restart Studio.',
    });
  for (const { queue, stuck, hasWorker } of queues ?? [])
    readings.push({
      ...one('jobs', 'warning', stuck > 0 && !hasWorker, 60 * S, queue),
      title: `Jobs wait on ${queue}, which no worker serves`,
      body: `${stuck} ${stuck === 1 ? 'job waits' : 'jobs wait'} on the queue ${queue} for more than five minutes, and no living worker serves it.`,
    });
  readings.push({
    ...one('errors', 'warning', ended >= LEAST_ENDED && errorRate > settings.errorRate, 5 * 60 * S),
    title: 'Much of the work fails',
    body: `${Math.round(errorRate * 100)} % of the steps and jobs of the last five minutes failed (limit ${Math.round(settings.errorRate * 100)} %).`,
  });
  return readings;
}

function diskOf({ snapshot: { disk } }: AlertFacts, { diskFreePercent, diskCriticalPercent }: AlertSettings): readonly Reading[] {
  if (disk === undefined || disk.totalBytes === 0) return [];
  const percent = (disk.freeBytes / disk.totalBytes) * 100;
  const body = `${(disk.freeBytes / GIB).toFixed(1)} GiB of ${(disk.totalBytes / GIB).toFixed(1)} GiB are free (${percent.toFixed(1)} %) on the volume of the workspace. Delete what is not needed, or use a larger one.`;
  const inodes = disk.totalInodes > 0 ? (disk.freeInodes / disk.totalInodes) * 100 : 100;
  return [
    { ...one('disk', 'critical', percent < diskCriticalPercent, 30 * S, 'full'), title: 'The disk is nearly full', body },
    { ...one('disk', 'warning', percent < diskFreePercent, 60 * S, 'low'), title: 'The disk fills up', body },
    {
      ...one('disk', 'warning', inodes < 5, 60 * S, 'inodes'),
      title: 'The volume runs out of room for files',
      body: `${inodes.toFixed(1)} % of its inodes are free: many small files fill it before its bytes do.`,
    },
  ];
}

function backupOf({ nowMs, backup }: AlertFacts, { backupMaxAgeH }: AlertSettings): readonly Reading[] {
  if (backup === undefined || !backup.isWanted) return [];
  const ageH = backup.lastSuccessMs === null ? null : (nowMs - backup.lastSuccessMs) / 3_600_000;
  return [
    {
      ...one('backup', 'critical', backup.fault !== null || (ageH !== null && ageH > backupMaxAgeH), 60 * S),
      title: backup.fault === null ? 'The newest backup is old' : 'The last backup failed',
      body: backup.fault ?? `The newest backup is ${ageH === null ? 'missing' : `${Math.round(ageH)} hours old`} (limit ${backupMaxAgeH} hours).`,
    },
    {
      ...one('backup_proof', 'critical', backup.isVerifiedOk === false, 0),
      title: 'A backup could not be restored',
      body: 'The last restore that was tried was not true to what was saved: make a new backup and verify it.',
    },
  ];
}

function gpusOf({ gpus }: AlertFacts, { gpuTemperatureC }: AlertSettings): readonly Reading[] {
  return gpus.flatMap((gpu): readonly Reading[] => [
    {
      ...one('gpu', 'critical', gpu.state === 'lost', 30 * S, gpu.uuid),
      title: `GPU ${gpu.index} is lost`,
      body: `GPU ${gpu.index} (${gpu.name}) can't be used: ${gpu.reason ?? 'it does not answer'}. What ran there is put back in line.`,
    },
    {
      ...one('gpu_hot', 'warning', (gpu.temperatureC ?? 0) > gpuTemperatureC, 120 * S, gpu.uuid),
      title: `GPU ${gpu.index} is hot`,
      body: `GPU ${gpu.index} (${gpu.name}) is at ${gpu.temperatureC ?? '?'} °C (limit ${gpuTemperatureC} °C).`,
    },
  ]);
}

function one(rule: AlertRule, severity: AlertSeverity, isBad: boolean, forMs: number, subject = '') {
  return { rule, subject, severity, isBad, forMs };
}
