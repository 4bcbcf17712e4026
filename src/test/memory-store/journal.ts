/** The batch of the journal in memory: the checks of the one statement it stands for, its refusals and its effect. */
import type { NewStepJob } from '../../store/job-inserts.ts';
import type { Batch, Fence } from '../../store/journal.ts';
import { databaseError, type Part } from './answers.ts';
import type { Rows, StepRow } from './rows.ts';

export function journalAnswers(rows: Rows): Part<'writeGroups' | 'readLastSequences'> {
  return {
    writeGroups: (fence, batch, jobs) => writeGroups(rows, fence, batch, jobs),
    readLastSequences: (ids) =>
      new Map(ids.flatMap((id) => (rows.events.has(id) ? [[id, Math.max(...(rows.events.get(id) ?? []).map((one) => one.sequence))]] : []))),
  };
}

/** All of it or nothing, like the one statement it stands for: everything is looked at before anything is changed. */
function writeGroups(rows: Rows, fence: Fence, batch: Batch, jobs: readonly NewStepJob[]): void {
  if (rows.owners.get(fence.epoch)?.id !== fence.ownerId) throw databaseError('22012', 'division by zero (the fence)');
  requireNew(
    batch.created.map((row) => row.id),
    (id) => rows.instances.has(id),
    'instances',
  );
  requireNew(batch.inserts.map(keyOf), (key) => rows.steps.get(key.split(' ', 1)[0] ?? '')?.has(key.slice(key.indexOf(' ') + 1)) === true, 'steps');
  requireNew(
    batch.attempts.map((row) => `${keyOf(row)} ${row.attempt}`),
    (key) => rows.attempts.has(key),
    'step_attempts',
  );
  requireNew(
    jobs.map((job) => job.id),
    (id) => rows.jobs.has(id),
    'jobs',
  );
  for (const write of batch.updates) {
    const row = rows.steps.get(write.instanceId)?.get(`${write.path} ${write.generation}`);
    if (row?.status !== write.expected || row.seq >= write.seq)
      throw databaseError('22012', `division by zero (${keyOf(write)} is not ${write.expected ?? 'absent'})`);
  }
  for (const update of batch.instances) {
    const row = rows.instances.get(update.id);
    if (row?.status !== update.expected || row.ownerEpoch !== fence.epoch || row.seq >= update.seq)
      throw databaseError('22012', `division by zero (${update.id} is not ${update.expected})`);
  }
  apply(rows, fence, batch, jobs);
}

function keyOf(row: { readonly instanceId: string; readonly path: string; readonly generation: number }): string {
  return `${row.instanceId} ${row.path} ${row.generation}`;
}

function requireNew(keys: readonly string[], isThere: (key: string) => boolean, table: string): void {
  const seen = new Set<string>();
  for (const key of keys) {
    if (seen.has(key) || isThere(key)) throw databaseError('23505', `duplicate key value in ${table}: ${key}`);
    seen.add(key);
  }
}

function apply(rows: Rows, fence: Fence, batch: Batch, jobs: readonly NewStepJob[]): void {
  for (const row of batch.created) rows.instances.set(row.id, { ...row, ownerEpoch: fence.epoch, output: null, error: null, endedAt: null });
  for (const { expected: _expected, ...write } of [...batch.inserts, ...batch.updates]) {
    const ofInstance = rows.steps.get(write.instanceId) ?? new Map<string, StepRow>();
    rows.steps.set(write.instanceId, ofInstance);
    const key = `${write.path} ${write.generation}`;
    ofInstance.set(key, { ...write, input: write.input ?? ofInstance.get(key)?.input ?? null });
  }
  for (const { expected: _expected, ...update } of batch.instances) {
    const row = rows.instances.get(update.id);
    if (row !== undefined) rows.instances.set(update.id, { ...row, ...update });
  }
  for (const attempt of batch.attempts) rows.attempts.set(`${keyOf(attempt)} ${attempt.attempt}`, attempt);
  rows.logs.push(...batch.logs);
  for (const event of batch.events) {
    const stream = rows.events.get(event.id) ?? [];
    rows.events.set(event.id, stream);
    stream.push(structuredClone(event));
  }
  for (const job of jobs) rows.jobs.set(job.id, { ...job, status: 'queued', result: null, error: null, reason: null });
}
