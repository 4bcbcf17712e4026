/** Staging: turns changes of a live instance into rows and events with gapless sequences, and hands them to the journal.
 *  Memory moves first and in order; what depends on a transition being durable waits for the group's word. */
import type { Json } from '../contract/endpoint.ts';
import type { EventType, InstancePayload, StepPayload } from '../contract/events.ts';
import type { Failure, Instance } from '../contract/instances.ts';
import { isTerminalStep, type InstanceStatus, type StepStatus } from '../contract/values.ts';
import { AppError } from '../kernel/fail.ts';
import type { StepWrite } from '../store/journal.ts';
import { waitReasonOf } from '../store/steps.ts';
import type { Core } from './core.ts';
import { changeStep, exposeStep, pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { emptyGroup, GroupLost, type Group, type OnWritten } from './journal.ts';
import type { Live } from './live.ts';
import { noteRecorded } from './recorded.ts';
import { assertInstanceMove, assertStepMove } from './state.ts';

const stepEvents: Readonly<Record<StepStatus, EventType>> = {
  pending: 'engine:step:queued',
  queued: 'engine:step:queued',
  running: 'engine:step:started',
  waiting: 'engine:step:waiting',
  completed: 'engine:step:completed',
  cached: 'engine:step:completed',
  failed: 'engine:step:failed',
  timed_out: 'engine:step:failed',
  skipped: 'engine:step:skipped',
  cancelled: 'engine:step:cancelled',
};

const instanceEvents: Readonly<Record<InstanceStatus, EventType>> = {
  pending: 'engine:instance:created',
  running: 'engine:instance:resumed',
  waiting: 'engine:instance:waiting',
  paused: 'engine:instance:paused',
  completed: 'engine:instance:completed',
  failed: 'engine:instance:failed',
  cancelled: 'engine:instance:cancelled',
};

export interface StepChange extends Partial<Omit<LiveStep, 'generation' | 'staged'>> {
  readonly status: StepStatus;
  /** JSON text of the evaluated params, secrets unevaluated. */
  readonly input?: string | undefined;
  /** JSON text of `output`, when it is at hand already. */
  readonly outputText?: string | undefined;
}

/** Changes a step and stages its row and event. */
export function stageStep(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, change: StepChange, type?: EventType): void {
  stageRow(core, frame.live, { path: pathOf(frame, node), key: node.key }, step, change, type);
  exposeStep(frame, node, step);
}

/** The same for a row that is no node's step: an item of a body. */
export function stageRow(
  core: Core,
  live: Live,
  where: { readonly path: string; readonly key: string },
  step: LiveStep,
  change: StepChange,
  type: EventType = stepEvents[change.status],
): void {
  const { path } = where;
  // An end is final: the same once more is a bug, too.
  if (step.staged !== null && (step.staged !== change.status || isTerminalStep(change.status))) assertStepMove(path, step.staged, change.status);
  const { input, outputText, ...state } = change;
  changeStep(live, step, state);
  live.seq += 1;
  if (step.staged === null) live.stepCount += 1;
  const group = bufferOf(core, live);
  const key = `${path} ${step.generation}`;
  const before = group.steps.get(key);
  group.steps.set(
    key,
    stepWrite(live, path, step, {
      expected: before === undefined ? step.staged : before.expected,
      input: input ?? before?.input ?? null,
      output: step.hasOutput ? (outputText ?? JSON.stringify(step.output)) : null,
    }),
  );
  step.staged = change.status;
  pushEvent(live, group, type, stepPayload(where.key, path, step));
}

function stepWrite(live: Live, path: string, step: LiveStep, texts: { expected: StepStatus | null; input: string | null; output: string | null }): StepWrite {
  return {
    instanceId: live.id,
    orgId: live.orgId,
    path,
    generation: step.generation,
    expected: texts.expected,
    status: step.status,
    attempt: step.attempt,
    port: step.port,
    input: texts.input,
    output: texts.output,
    error: step.error === null ? null : JSON.stringify(step.error),
    reason: step.reason,
    wait: step.wait === null ? null : JSON.stringify(step.wait),
    jobId: step.jobId,
    workerId: step.workerId,
    seq: live.seq,
    queuedAt: step.queuedAt,
    startedAt: step.startedAt,
    endedAt: step.endedAt,
    details: step.details,
  };
}

function stepPayload(key: string, path: string, step: LiveStep): StepPayload {
  const payload: StepPayload = {
    path,
    status: step.status,
    key,
    generation: step.generation,
    attempt: step.attempt,
    waitReason: step.wait === null ? null : waitReasonOf(step.wait),
    queuedAt: isoOf(step.queuedAt),
    startedAt: isoOf(step.startedAt),
    endedAt: isoOf(step.endedAt),
  };
  if (step.reason !== null) payload.reason = step.reason;
  if (step.error !== null) payload.error = step.error;
  if (step.workerId !== null) payload.workerId = step.workerId;
  if (step.jobId !== null) payload.jobId = step.jobId;
  return payload;
}

export interface InstanceChange {
  readonly status: InstanceStatus;
  readonly output?: Json | undefined;
  readonly error?: Failure | undefined;
  readonly waiting?: Instance['waiting'] | undefined;
  readonly endedAt?: number | undefined;
}

/** Changes the instance's own status and stages its row and event. */
export function stageInstance(core: Core, live: Live, change: InstanceChange, type: EventType = instanceEvents[change.status]): void {
  assertInstanceMove(live.id, live.status, change.status);
  const group = bufferOf(core, live);
  const expected = group.instance?.expected ?? live.status;
  live.status = change.status;
  live.seq += 1;
  group.instance = {
    id: live.id,
    expected,
    status: change.status,
    output: change.output === undefined ? null : JSON.stringify(change.output),
    error: change.error === undefined ? null : JSON.stringify(change.error),
    waiting: change.waiting === undefined ? null : JSON.stringify(change.waiting),
    seq: live.seq,
    startedAt: live.startedAt,
    endedAt: change.endedAt ?? null,
  };
  const payload: InstancePayload = {
    status: change.status,
    error: change.error ?? null,
    waiting: change.waiting ?? null,
    startedAt: isoOf(live.startedAt),
    endedAt: isoOf(change.endedAt ?? null),
  };
  pushEvent(live, group, type, payload);
}

/** An event of the instance's stream, with the sequence `live.seq` that its change was given. */
export function pushEvent(live: Live, group: Group, type: EventType, payload: InstancePayload | StepPayload): void {
  group.events.push({
    id: live.id,
    orgId: live.orgId,
    sequence: live.seq,
    type,
    workflowId: live.workflowId,
    payload: payload as Record<string, Json>,
    requestId: live.requestId,
  });
}

/** The transitions of this instance that the journal does not have yet. */
export function bufferOf(core: Core, live: Live): Group {
  if (live.buffer !== undefined) return live.buffer;
  live.buffer = emptyGroup(live.id, live);
  markDirty(core, live);
  return live.buffer;
}

/** Longest that results of pure steps wait for a neighbour to be committed with, ms. */
const LINGER_MS = 20;

function markDirty(core: Core, live: Live): void {
  core.dirty.add(live);
  core.dirtyTimer ??= core.clock.after(LINGER_MS, () => {
    core.dirtyTimer = undefined;
    for (const one of [...core.dirty]) flush(core, one);
  });
}

/** Hands what is staged to the journal when this turn of starting steps is over, so that steps that end together are one group. */
export function flushSoon(core: Core, live: Live): void {
  live.mustFlush = true;
  if (!core.isPumping) return flush(core, live);
  core.toFlush.add(live);
}

/** Hands what is staged to the journal. `onWritten` is called once: without an error when it is on disk, after everything this instance appended before. */
export function flush(core: Core, live: Live, onWritten?: OnWritten): void {
  const group = live.buffer ?? emptyGroup(live.id, live);
  const starts = live.startsAfter;
  const written = (lost?: GroupLost): void => {
    onWritten?.(lost);
    if (lost !== undefined || starts.length === 0) return;
    for (const ready of starts) core.ready.push(ready);
    pumpSoon(core);
  };
  core.dirty.delete(live);
  live.startsAfter = [];
  live.mustFlush = false;
  if (live.isReleased) {
    live.buffer = undefined;
    return written(new GroupLost(core.state === 'stopped' ? 'stopped' : 'moved', 'this process holds the instance no more'));
  }
  // Nothing on its way: everything is durable.
  if (live.buffer === undefined && live.inFlight === 0) return written();
  live.buffer = undefined;
  live.inFlight += 1;
  core.journal.append(group, (lost) => {
    live.inFlight -= 1;
    if (lost === undefined) noteRecorded(live, group);
    else core.onLost(live, lost.why, lost.message);
    written(lost);
    if (live.inFlight === 0) live.onSettled?.();
  });
}

/** Resolves when everything staged so far is durable. @throws AppError when it could not be recorded */
export function durable(core: Core, live: Live): Promise<void> {
  return new Promise((resolve, reject) =>
    flush(core, live, (lost) => {
      if (lost === undefined) return resolve();
      reject(refusalOf(live, lost));
    }),
  );
}

/** What whoever asked is told: nothing of it was written. */
function refusalOf(live: Live, lost: GroupLost): AppError {
  if (lost.why === 'stopped') return new AppError('draining', { cause: lost });
  if (lost.why !== 'fenced')
    return new AppError('conflict', { message: `instance ${live.id} was changed by another process meanwhile; read it again`, cause: lost });
  // Frozen for too long: it comes back as a new owner within a moment.
  return new AppError('starting', {
    message: 'this process was taken for dead and is coming back; nothing of the request was carried out, try again',
    retryAfterS: 1,
    cause: lost,
  });
}

/** Once for all that one commit lets start. */
function pumpSoon(core: Core): void {
  if (core.isPumpDue) return;
  core.isPumpDue = true;
  queueMicrotask(() => {
    core.isPumpDue = false;
    core.pump();
  });
}

/** Many events share their millisecond. */
let lastMs = Number.NaN;
let lastIso = '';

export function isoOf(ms: number | null): string | null {
  if (ms === null) return null;
  if (ms !== lastMs) {
    lastIso = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastIso;
}
