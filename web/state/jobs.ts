/** The live list of jobs, one job, and the queues they wait on. */
import { call } from '../api.ts';
import type { Job } from '../../src/contract/jobs.ts';
import type { Queue } from '../../src/contract/queues.ts';
import type { Filter } from '../route.ts';
import { live } from '../connection.ts';
import { nextFrame } from './frame.ts';
import { mergeJob } from './instance-events.ts';
import { applyToJobs } from './list-events.ts';
import type { JobList } from './list-events.ts';
import { listOf } from './live-list.ts';
import { livePages } from './live-pages.ts';
import type { LivePages } from './live-pages.ts';
import { createSnapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';

export type Jobs = LivePages<JobList>;

export const jobTerms = ['status', 'queue', 'type', 'group', 'instance', 'label', 'since'] as const;

const PAGE = 100;

export function createJobs(filter: Filter, orgId: string): Jobs {
  const query = queryOf(filter);
  const snapshot = createSnapshot<JobList>({
    load: async (signal) => {
      const page = await call('GET /api/v1/jobs', { query: { ...query, limit: PAGE }, signal });
      return { value: listOf(page.items, page.next), cursor: page.cursor };
    },
    rooms: [`org:${orgId}`],
    apply: (list, event) => ({ value: applyToJobs(list, event, filter) }),
    live,
    soon: nextFrame,
  });
  return livePages(snapshot, (after) => call('GET /api/v1/jobs', { query: { ...query, limit: PAGE, after } }));
}

function queryOf(filter: Filter): { status?: string; queue?: string; type?: string; group?: string; instanceId?: string; label?: string; since?: string } {
  const one = (name: string): string | undefined => filter.terms[name]?.[0];
  const given: Record<string, string | undefined> = {
    status: filter.terms['status']?.join(','),
    queue: one('queue'),
    type: one('type'),
    group: one('group'),
    instanceId: one('instance'),
    label: one('label')?.includes(':') === true ? one('label') : undefined,
    since: one('since'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** One job, live. Its cursor comes from the job list, whose snapshot carries one. */
export function createJob(id: string): Snapshot<Job> {
  return createSnapshot<Job>({
    load: async (signal) => {
      const { cursor } = await call('GET /api/v1/jobs', { query: { limit: 1 }, signal });
      return { value: await call('GET /api/v1/jobs/{id}', { params: { id }, signal }), cursor };
    },
    rooms: [`job:${id}`],
    apply: (job, event) => ({ value: event.entity_kind === 'job' && event.entity_id === id && event.sequence > job.seq ? mergeJob(job, event) : job }),
    live,
    soon: nextFrame,
  });
}

export interface QueueList {
  readonly queues: readonly Queue[];
}

// Counts change with every job; one look a second is as live as a person can read.
const RECOUNT_MS = 1_000;

/** Queues with their counts: read again, at most once a second, when a job or a queue changed. */
export function createQueues(orgId: string): Snapshot<QueueList> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const recount = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void call('GET /api/v1/queues', { query: { limit: 200 } }).then(
        (page) => snapshot.change(() => ({ queues: page.items })),
        () => {
          // The next event counts again; a lasting fault shows when the page reloads.
        },
      );
    }, RECOUNT_MS);
  };
  const snapshot = createSnapshot<QueueList>({
    load: async (signal) => {
      const page = await call('GET /api/v1/queues', { query: { limit: 200 }, signal });
      return { value: { queues: page.items }, cursor: page.cursor };
    },
    rooms: ['system', `org:${orgId}`],
    apply: (list, event) => {
      if (event.event_type.startsWith('jobs:')) recount();
      return { value: list };
    },
    live,
    soon: nextFrame,
  });
  return {
    ...snapshot,
    close() {
      clearTimeout(timer);
      snapshot.close();
    },
  };
}
