/** What an event does to instances, steps and jobs that a screen holds. Pure: facts in, facts out.
 *  Invariant: an event whose sequence is not newer than what is held changes nothing, so replays are harmless. */
import type { Envelope, InstancePayload, JobPayload, StepPayload } from '../../src/contract/events.ts';
import type { PastTry, StepOutline } from '../../src/contract/instance-views.ts';
import type { Instance, InstanceSummary, Step } from '../../src/contract/instances.ts';
import type { Job } from '../../src/contract/jobs.ts';

/** One instance as a page shows it. */
export interface InstanceView {
  readonly instance: Instance;
  /** By path: the newest generation. Of steps inside maps and loops only those that were asked for. */
  readonly steps: ReadonlyMap<string, Step>;
  /** By path: tries that did not stand, oldest first. */
  readonly tries: ReadonlyMap<string, readonly PastTry[]>;
  /** Sequence of the last event that is applied. */
  readonly seq: number;
  /** Sequence of the last event inside a map or loop: steps there are read when somebody looks, not held; 0: none yet. */
  readonly bodySeq: number;
  /** Paths whose input, output or error are not those that were read, or were never: fetch them when someone looks. */
  readonly outdated: ReadonlySet<string>;
  /** The instance's own output is not the one that was read. */
  readonly outputOutdated: boolean;
}

export type Applied =
  | { readonly kind: 'applied'; readonly view: InstanceView }
  | { readonly kind: 'old' }
  | { readonly kind: 'gap' }
  | { readonly kind: 'deleted' };

/** A snapshot: the instance, then the outlines of its steps, read in this order (a step may be newer than the instance, never older). */
export function viewOf(instance: Instance, outlines: readonly StepOutline[], past: readonly PastTry[] = []): InstanceView {
  const steps = new Map(outlines.map((outline) => [outline.path, { ...outline, input: null, output: null }]));
  const byPath = Map.groupBy(past, (each) => each.path);
  const tries = new Map([...byPath].map(([path, all]) => [path, all.toSorted((a, b) => a.generation - b.generation || a.attempt - b.attempt)]));
  return { instance, steps, tries, seq: instance.seq, bodySeq: 0, outdated: new Set(steps.keys()), outputOutdated: false };
}

/** A payload too large to travel says so: the entity has to be read. */
export function isTruncated(event: Envelope): boolean {
  return event.payload['truncated'] === true;
}

/** A view that changes: what events of one frame touch is copied once, however many they are. */
interface Draft {
  view: InstanceView;
  steps: Map<string, Step>;
  tries: Map<string, readonly PastTry[]>;
  outdated: Set<string>;
  isChanged: boolean;
}

/** Applies events of the instance's stream, and of its jobs, in their order. A jump in the sequence is a gap: take a new snapshot. */
export function applyToInstance(view: InstanceView, events: readonly Envelope[]): Applied {
  const draft: Draft = { view, steps: new Map(view.steps), tries: new Map(view.tries), outdated: new Set(view.outdated), isChanged: false };
  for (const event of events) {
    const ended = applyOne(draft, event);
    if (ended !== undefined) return { kind: ended };
  }
  const { steps, tries, outdated } = draft;
  return draft.isChanged ? { kind: 'applied', view: { ...draft.view, steps, tries, outdated } } : { kind: 'old' };
}

function applyOne(draft: Draft, event: Envelope): 'gap' | 'deleted' | undefined {
  const { view } = draft;
  if (event.entity_kind === 'job') return applyJob(draft, event);
  if (event.entity_kind !== 'instance' || event.entity_id !== view.instance.id || event.sequence <= view.seq) return undefined;
  if (event.sequence > view.seq + 1 || isTruncated(event)) return 'gap';
  if (event.event_type === 'engine:instance:deleted') return 'deleted';
  draft.isChanged = true;
  if (event.event_type.startsWith('engine:step:')) {
    applyStep(draft, event);
    return undefined;
  }
  const instance = mergeInstance(view.instance, event);
  const ended = instance.endedAt !== null && view.instance.endedAt === null;
  draft.view = { ...view, instance, seq: event.sequence, outputOutdated: view.outputOutdated || ended };
  return undefined;
}

/** Why the job of a step waits is the job's fact: it is shown with the step while that has not started. */
function applyJob(draft: Draft, event: Envelope): undefined {
  const { stepPath, waitReason } = event.payload as { readonly stepPath?: string; readonly waitReason?: Step['waitReason'] | null };
  const step = stepPath === undefined ? undefined : draft.steps.get(stepPath);
  if (step === undefined || step.jobId !== event.entity_id || step.status !== 'queued' || waitReason === undefined) return;
  const { waitReason: before, ...rest } = step;
  const after = waitReason ?? undefined;
  if (before?.message === after?.message) return;
  draft.steps.set(step.path, { ...rest, ...(after === undefined ? {} : { waitReason: after }) });
  draft.isChanged = true;
}

function applyStep(draft: Draft, event: Envelope): void {
  const payload = event.payload as unknown as StepPayload;
  const old = draft.steps.get(payload.path);
  const isInside = payload.path.includes('[');
  draft.view = { ...draft.view, seq: event.sequence, ...(isInside ? { bodySeq: event.sequence } : {}) };
  if (isInside && old === undefined) return;
  if (old !== undefined && old.seq >= event.sequence) return;
  const step = mergeStep(old, payload, event);
  draft.steps.set(payload.path, step);
  // What it says of its progress changes nothing that was read.
  if (event.event_type !== 'engine:step:progress') draft.outdated.add(payload.path);
  if (old !== undefined && old.generation < step.generation && old.startedAt !== null) {
    const { path, generation, attempt, status, startedAt, endedAt } = old;
    draft.tries.set(path, [...(draft.tries.get(path) ?? []), { path, generation, attempt, status, startedAt, endedAt: endedAt ?? event.emitted_at }]);
  }
  if (event.event_type === 'engine:step:retrying') draft.tries.set(payload.path, [...(draft.tries.get(payload.path) ?? []), tryOf(step, event)]);
}

/** The try that failed, as the event that announces the next one tells of it. */
function tryOf(step: Step, event: Envelope): PastTry {
  const { path, generation, attempt, startedAt } = step;
  return { path, generation, attempt, status: 'failed', startedAt, endedAt: event.emitted_at };
}

/** Puts a freshly read step in place. */
export function putStep(view: InstanceView, step: Step): InstanceView {
  const held = view.steps.get(step.path);
  if (held !== undefined && (held.seq > step.seq || held.generation > step.generation)) return view;
  const outdated = new Set(view.outdated);
  outdated.delete(step.path);
  return { ...view, steps: new Map(view.steps).set(step.path, step), outdated };
}

function mergeStep(old: Step | undefined, payload: StepPayload, event: Envelope): Step {
  const generation = payload.generation ?? old?.generation ?? 1;
  const same = old !== undefined && old.generation === generation ? old : undefined;
  const { error, waitReason, progress, ...facts } = payload;
  const blank: Step = {
    key: lastKey(payload.path),
    path: payload.path,
    generation,
    status: payload.status,
    attempt: 1,
    input: null,
    output: null,
    queuedAt: null,
    startedAt: null,
    endedAt: null,
    seq: 0,
  };
  const { error: oldError, waitReason: oldReason, progress: oldProgress, ...before } = same ?? blank;
  const keptProgress = progress === undefined ? oldProgress : (progress ?? undefined);
  const keptError = error === undefined ? (isOver(payload.status) ? oldError : undefined) : (error ?? undefined);
  const keptReason =
    waitReason === undefined ? (payload.status === 'waiting' || payload.status === 'queued' ? oldReason : undefined) : (waitReason ?? undefined);
  return {
    ...before,
    ...facts,
    generation,
    seq: event.sequence,
    ...timesOf(event, before, facts),
    ...(keptError === undefined ? {} : { error: keptError }),
    ...(keptReason === undefined ? {} : { waitReason: keptReason }),
    ...(keptProgress === undefined ? {} : { progress: keptProgress }),
  };
}

/** Times the payload does not carry follow from the event's own. */
function timesOf(
  event: Envelope,
  before: Pick<Step, 'queuedAt' | 'startedAt' | 'endedAt'>,
  facts: Partial<Step> & { status: Step['status'] },
): Pick<Step, 'queuedAt' | 'startedAt' | 'endedAt'> {
  const at = event.emitted_at;
  const retried = event.event_type === 'engine:step:retrying';
  return {
    queuedAt: facts.queuedAt !== undefined ? facts.queuedAt : (before.queuedAt ?? (facts.status === 'queued' ? at : null)),
    startedAt:
      facts.startedAt !== undefined
        ? facts.startedAt
        : retried
          ? before.startedAt
          : (before.startedAt ?? (facts.status === 'pending' || facts.status === 'queued' || facts.status === 'skipped' ? null : at)),
    endedAt: facts.endedAt !== undefined ? facts.endedAt : isOver(facts.status) ? at : null,
  };
}

function isOver(status: Step['status']): boolean {
  return status !== 'pending' && status !== 'queued' && status !== 'running' && status !== 'waiting';
}

function lastKey(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** An instance, or its summary in a list, after an event of its own. */
export function mergeInstance<Row extends InstanceSummary>(row: Row, event: Envelope): Row {
  const { error, waiting, ...facts } = event.payload as unknown as InstancePayload;
  const { error: oldError, waiting: oldWaiting, ...before } = row;
  const status = facts.status ?? row.status;
  const over = status === 'completed' || status === 'failed' || status === 'cancelled';
  const keptError = error === undefined ? (status === 'failed' ? oldError : undefined) : (error ?? undefined);
  const keptWaiting = waiting === undefined ? (status === 'waiting' ? oldWaiting : undefined) : (waiting ?? undefined);
  return {
    ...before,
    ...facts,
    status,
    seq: event.sequence,
    startedAt: facts.startedAt !== undefined ? facts.startedAt : (row.startedAt ?? (status === 'pending' ? null : event.emitted_at)),
    endedAt: facts.endedAt !== undefined ? facts.endedAt : over ? (row.endedAt ?? event.emitted_at) : null,
    ...(keptError === undefined ? {} : { error: keptError }),
    ...(keptWaiting === undefined ? {} : { waiting: keptWaiting }),
  } as unknown as Row;
}

/** A row for an instance that the list does not hold; undefined when the event does not carry enough (fetch it). */
export function summaryOf(event: Envelope): InstanceSummary | undefined {
  const payload = event.payload as unknown as InstancePayload;
  const { workflowId, workflowName, version, createdAt } = payload;
  if (workflowId === undefined || workflowName === undefined || version === undefined) return undefined;
  if (createdAt === undefined && event.event_type !== 'engine:instance:created') return undefined;
  const blank: InstanceSummary = {
    id: event.entity_id,
    workflowId,
    workflowName,
    version,
    status: 'pending',
    labels: {},
    priority: 50,
    startedBy: 'manual',
    createdAt: createdAt ?? event.emitted_at,
    startedAt: null,
    endedAt: null,
    seq: 0,
  };
  return mergeInstance(blank, event);
}

/** A job after an event of its own. */
export function mergeJob(job: Job, event: Envelope): Job {
  const { error, waitReason, lease, ...facts } = event.payload as unknown as JobPayload;
  const { error: oldError, waitReason: oldReason, lease: oldLease, blockedBy, ...before } = job;
  const status = facts.status ?? job.status;
  const over = status !== 'queued' && status !== 'running';
  const keptError = error === undefined ? (over ? oldError : undefined) : (error ?? undefined);
  const keptReason = waitReason === undefined ? (status === 'queued' ? oldReason : undefined) : (waitReason ?? undefined);
  const keptLease = lease === undefined ? (status === 'running' ? oldLease : undefined) : (lease ?? undefined);
  return {
    ...before,
    // Only what waits in line waits for others.
    ...(blockedBy === undefined || (facts.status ?? job.status) !== 'queued' ? {} : { blockedBy }),
    ...facts,
    id: job.id,
    status,
    seq: event.sequence,
    startedAt: facts.startedAt !== undefined ? facts.startedAt : status === 'running' ? (job.startedAt ?? event.emitted_at) : job.startedAt,
    endedAt: facts.endedAt !== undefined ? facts.endedAt : over ? (job.endedAt ?? event.emitted_at) : null,
    ...(keptError === undefined ? {} : { error: keptError }),
    ...(keptReason === undefined ? {} : { waitReason: keptReason }),
    ...(keptLease === undefined ? {} : { lease: keptLease }),
  } as Job;
}
