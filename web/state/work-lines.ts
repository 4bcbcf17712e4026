/** Work as lines that are read at a glance: what is the same work in the same state for the same reason is one line with a count. Pure. */
import type { InstanceSummary } from '../../src/contract/instances.ts';
import type { Job } from '../../src/contract/jobs.ts';

export interface WorkLine {
  readonly key: string;
  readonly status: string;
  readonly title: string;
  /** Of the one, or of the list of those it stands for. */
  readonly path: string;
  /** Why it waits, or how it failed. */
  readonly note: string | undefined;
  /** Of a running job that tells it, 0 to 1. */
  readonly progress: number | undefined;
  /** When the newest of them began, was created or ended. ISO 8601. */
  readonly at: string;
  /** How many of the read ones it stands for. */
  readonly count: number;
}

/** Instances and the jobs beside them that belong to none, newest first. */
export function runningLines(instances: readonly InstanceSummary[], jobs: readonly Job[]): readonly WorkLine[] {
  const lines = [...instances.map((one) => instanceLine(one, undefined, one.startedAt)), ...directJobs(jobs).map((one) => jobLine(one, one.startedAt))];
  return lines.toSorted((a, b) => b.at.localeCompare(a.at));
}

export function waitingLines(instances: readonly InstanceSummary[], jobs: readonly Job[]): readonly WorkLine[] {
  const waiting = instances.map((one) => instanceLine(one, waitWords(one), one.createdAt));
  return together([...waiting, ...directJobs(jobs).map((one) => jobLine(one, one.createdAt, waitWords(one)))]);
}

export function failedLines(instances: readonly InstanceSummary[], jobs: readonly Job[]): readonly WorkLine[] {
  const failed = instances.map((one) => instanceLine(one, failureWords(one), one.endedAt));
  return together([...failed, ...directJobs(jobs).map((one) => jobLine(one, one.endedAt, one.error?.message ?? one.reason))]);
}

/** Why something waits, as a sentence; every waiting thing says one. */
export function waitWords(thing: {
  readonly status: string;
  readonly waiting?: { readonly message: string } | undefined;
  readonly waitReason?: { readonly message: string } | undefined;
}): string {
  const said = thing.waiting?.message ?? thing.waitReason?.message;
  if (said !== undefined) return said;
  if (thing.status === 'paused') return 'Paused by hand; resume it to go on.';
  return thing.status === 'pending' ? 'Not started yet.' : 'Waiting for a free slot.';
}

function failureWords({ error }: InstanceSummary): string {
  if (error === undefined) return 'No reason was recorded.';
  return `${error.step === undefined ? '' : `${error.step}: `}${error.message}`;
}

/** A step's job is told by its instance. */
function directJobs(jobs: readonly Job[]): readonly Job[] {
  return jobs.filter((job) => job.instanceId === undefined);
}

function instanceLine(one: InstanceSummary, note: string | undefined, at: string | null): WorkLine & { readonly group: string } {
  const group = `/instances?filter=${encodeURIComponent(`workflow:${one.workflowId} status:${one.status}`)}`;
  const base = { key: one.id, status: one.status, title: one.workflowName, path: `/instances/${one.id}` };
  return { ...base, note, progress: undefined, at: at ?? one.createdAt, count: 1, group };
}

function jobLine(job: Job, at: string | null, note?: string): WorkLine & { readonly group: string } {
  const group = `/jobs?filter=${encodeURIComponent(`status:${job.status} queue:${job.queue}`)}`;
  const base = { key: job.id, status: job.status, title: job.name ?? `${job.type} on ${job.queue}`, path: `/jobs/${job.id}` };
  return { ...base, note, progress: job.progress === undefined ? undefined : job.progress / 100, at: at ?? job.createdAt, count: 1, group };
}

/** In the order of the newest of each. Times in a reason differ between instances that wait for the same: they make no other line. */
function together(lines: readonly (WorkLine & { readonly group: string })[]): readonly WorkLine[] {
  const groups = new Map<string, WorkLine>();
  for (const line of lines.toSorted((a, b) => b.at.localeCompare(a.at))) {
    const same = `${line.group} ${line.title} ${(line.note ?? '').replaceAll(/\d[\d:.TZ-]*/g, '#')}`;
    const first = groups.get(same);
    groups.set(same, first === undefined ? line : { ...first, path: line.group, count: first.count + 1 });
  }
  return [...groups.values()];
}
