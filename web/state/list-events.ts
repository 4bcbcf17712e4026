/** What events do to the lists of instances, jobs and workflows. Pure; the lists themselves are in their own files. */
import type { Envelope } from '../../src/contract/events.ts';
import type { InstanceSummary } from '../../src/contract/instances.ts';
import type { Job } from '../../src/contract/jobs.ts';
import type { WorkflowSummary } from '../../src/contract/workflows.ts';
import type { Filter } from '../route.ts';
import { matchesLabels, matchesTerm, matchesWords } from './filter.ts';
import { isTruncated, mergeInstance, mergeJob, summaryOf } from './instance-events.ts';
import { asksServer, matchesInstance } from './instance-filter.ts';
import { findRow, holdRow, removeRow, updateRow } from './live-list.ts';
import type { LiveList } from './live-list.ts';

export type InstanceList = LiveList<InstanceSummary>;
export type JobList = LiveList<Job>;
export interface WorkflowList {
  readonly workflows: readonly WorkflowSummary[];
  readonly next: string | null;
}

/** Applies one event to the list. Pure. */
export function applyToInstances(list: InstanceList, event: Envelope, filter: Filter, nowMs: number): InstanceList {
  if (!event.event_type.startsWith('engine:instance:') || isTruncated(event)) return list;
  if (event.event_type === 'engine:instance:deleted') return removeRow(list, event.entity_id);
  const row = findRow(list, event.entity_id);
  if (row !== undefined) return updateRow(list, mergeInstance(row, event));
  if (asksServer(filter)) return list;
  const made = summaryOf(event);
  return made !== undefined && isNewer(list, made) && matchesInstance(made, filter, nowMs) ? holdRow(list, made) : list;
}

/** True when an event may concern the list but does not say enough to make a row: the instance has to be read. */
export function asksForInstance(list: InstanceList, event: Envelope, filter: Filter): boolean {
  if (!event.event_type.startsWith('engine:instance:') || event.event_type === 'engine:instance:deleted') return false;
  if (isTruncated(event)) return true;
  const isKnown = findRow(list, event.entity_id) !== undefined;
  const hasEnded = ENDS.includes(event.event_type);
  if (asksServer(filter)) return !isKnown && (event.event_type === 'engine:instance:created' || hasEnded);
  // An error, or what is waited for, may hold the words.
  if (filter.words.length > 0 && !isKnown && SAYING.includes(event.event_type)) return true;
  // Without a filter every instance was announced when it was created.
  return !isKnown && filter.terms['status'] !== undefined && summaryOf(event) === undefined && matchesTerm(filter, 'status', String(event.payload['status']));
}

const ENDS: readonly string[] = ['engine:instance:completed', 'engine:instance:failed', 'engine:instance:cancelled'];
const SAYING: readonly string[] = ['engine:instance:failed', 'engine:instance:waiting'];

/** Announces or updates an instance that was read. Pure. */
export function putInstance(list: InstanceList, row: InstanceSummary, filter: Filter, nowMs: number): InstanceList {
  if (findRow(list, row.id) !== undefined) return updateRow(list, row);
  return matchesInstance(row, filter, nowMs) && isNewer(list, row) ? holdRow(list, row) : list;
}

/** A row older than the last one shown belongs to a page that is not loaded. */
function isNewer(list: InstanceList, row: InstanceSummary): boolean {
  const last = list.rows.at(-1);
  return list.next === null || last === undefined || row.id > last.id;
}

export function matchesJob(job: Job, filter: Filter): boolean {
  return (
    matchesTerm(filter, 'status', job.status) &&
    matchesTerm(filter, 'queue', job.queue) &&
    matchesTerm(filter, 'instance', job.instanceId) &&
    matchesTerm(filter, 'type', job.type) &&
    matchesTerm(filter, 'group', job.group?.id) &&
    matchesLabels(filter, job.labels) &&
    matchesWords(filter, [job.id, job.name ?? '', job.type, job.stepPath ?? '', job.queue])
  );
}

/** Applies one event to the list. Pure. */
export function applyToJobs(list: JobList, event: Envelope, filter: Filter): JobList {
  if (!event.event_type.startsWith('jobs:job:') || isTruncated(event)) return list;
  const row = findRow(list, event.entity_id);
  if (row !== undefined) return event.sequence > row.seq ? updateRow(list, mergeJob(row, event)) : list;
  const made = jobOf(event);
  if (made === undefined || !matchesJob(made, filter)) return list;
  const last = list.rows.at(-1);
  return list.next === null || last === undefined || made.id > last.id ? holdRow(list, made) : list;
}

/** A row for a job the list does not hold; undefined when the event does not carry enough. */
export function jobOf(event: Envelope): Job | undefined {
  const { queue, type, createdAt } = event.payload as Partial<Job>;
  if (queue === undefined || type === undefined) return undefined;
  if (createdAt === undefined && event.event_type !== 'jobs:job:queued') return undefined;
  const blank: Job = {
    id: event.entity_id,
    queue,
    type,
    status: 'queued',
    attempts: 0,
    resources: {},
    preemptible: false,
    priority: 50,
    labels: {},
    timeoutMs: null,
    createdAt: createdAt ?? event.emitted_at,
    startedAt: null,
    endedAt: null,
    seq: 0,
  };
  return mergeJob(blank, event);
}

/** The last instance of a workflow follows its events. Pure. */
export function withLastInstance(list: WorkflowList, event: Envelope): WorkflowList {
  if (!event.event_type.startsWith('engine:instance:') || event.event_type === 'engine:instance:deleted') return list;
  const index = list.workflows.findIndex(
    (each) =>
      each.lastInstance?.id === event.entity_id ||
      (event.event_type === 'engine:instance:created' && event.payload['isTest'] !== true && each.id === event.payload['workflowId']),
  );
  const held = list.workflows[index];
  if (held === undefined) return list;
  const made = summaryOf(event);
  const status = String(event.payload['status'] ?? held.lastInstance?.status ?? 'pending');
  const lastInstance = { id: event.entity_id, status, createdAt: made?.createdAt ?? held.lastInstance?.createdAt ?? event.emitted_at };
  return { ...list, workflows: list.workflows.with(index, { ...held, lastInstance }) };
}
