/** The spans of instances: from the rows that the engine's journal wrote, at their end. One trace an instance; its ids come from the instance's, so what ends
 *  after a restart, or in another process, stands in the same trace.
 *  One thing to know: only what links spans is remembered in memory. Lost with a crash are the spans not sent yet (two seconds), the pauses that began
 *  before it (their step's span shows their time), and which request began an instance, where the instance's own span says it (its first span does, too). */
import { isTerminalInstance, isTerminalStep } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import type { AttemptInsert, InstanceInsert, InstanceUpdate, StepWrite } from '../store/journal.ts';
import { createBoundedMap } from './bounded-map.ts';
import { instanceSpanId, newSpanId, stepSpanId, traceIdOf, type SpanPlace } from './ids.ts';
import type { RequestTraces } from './requests.ts';
import type { SpanFields, Tracer } from './tracer.ts';

/** An instance, as its spans name it. */
export interface TracedInstance {
  readonly orgId: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly version: number;
  readonly createdAt: number;
  readonly isTest: boolean;
  /** The step that called it. */
  readonly parent?: { readonly instanceId: string; readonly path: string; readonly generation: number | null } | undefined;
  readonly graph: TracedGraph;
}

/** Of a workflow's graph: the types of its nodes, by key. */
export interface TracedGraph {
  readonly byKey: ReadonlyMap<string, { readonly node: { readonly type: string }; readonly body: { readonly graph: TracedGraph } | undefined }>;
}

/** A commit of the engine's journal that stands. */
export interface TracedCommit {
  readonly groups: readonly {
    readonly instanceId: string;
    /** Undefined: of nothing that runs. */
    readonly about: TracedInstance | undefined;
    readonly created: InstanceInsert | undefined;
    readonly steps: ReadonlyMap<string, StepWrite>;
    readonly instance: InstanceUpdate | undefined;
    readonly attempts: readonly AttemptInsert[];
    readonly events: readonly { readonly requestId: string | null }[];
  }[];
}

export interface InstanceTraces {
  /** Quick, and never throws. */
  committed(commit: TracedCommit): void;
}

/** Of each kind of thing that is remembered: far more than run at once. */
const REMEMBERED = 20_000;

interface Pause {
  readonly kind: string;
  readonly sinceMs: number;
}

export function createInstanceTraces(parts: {
  readonly tracer: Tracer;
  readonly requests: Pick<RequestTraces, 'linkTo'>;
  readonly clock: Clock;
}): InstanceTraces {
  const { tracer, requests, clock } = parts;
  const starts = createBoundedMap<readonly SpanPlace[]>(REMEMBERED);
  const pauses = createBoundedMap<Pause>(REMEMBERED);
  /** When the first attempt of a step began that needed several. */
  const firsts = createBoundedMap<number>(REMEMBERED);
  /** Of steps that run again: under which generation what stands inside them is to be found. */
  const generations = createBoundedMap<number>(REMEMBERED);

  const placeIn = (traceId: string, spanId: string): SpanPlace => ({ traceId, spanId, isSampled: true });

  function tellStart(traceId: string, row: InstanceInsert, requestId: string | null, about: TracedInstance): void {
    const root = placeIn(traceId, instanceSpanId(row.id));
    const links = [requestId === null ? undefined : requests.linkTo(requestId, root), callerOf(about)].filter((link) => link !== undefined);
    starts.set(row.id, links);
    const by = row.startedBy.split(':')[0] ?? '';
    tracer.emit({
      place: placeIn(traceId, newSpanId()),
      parent: root,
      name: by === 'manual' || by === '' ? 'start' : `start by ${by}`,
      startMs: row.createdAt,
      endMs: clock.now(),
      fields: { ...fieldsOf(row.id, about), 'studio.started_by': row.startedBy, 'studio.request.id': requestId, 'user.id': row.starter },
      links,
    });
  }

  /** The span that something inside stands under. */
  function parentOf(instanceId: string, path: string): { readonly spanId: string } {
    const outer = outerPath(path);
    if (outer === undefined) return { spanId: instanceSpanId(instanceId) };
    return { spanId: stepSpanId({ instanceId, path: outer, generation: generations.get(`${instanceId} ${outer}`) ?? 1 }) };
  }

  function tellAttempt(traceId: string, row: Omit<AttemptInsert, 'orgId' | 'output' | 'jobId'>): void {
    const startMs = row.startedAt ?? row.endedAt;
    if (startMs === null) return;
    const key = stepKey(row);
    if (firsts.get(key) === undefined) firsts.set(key, startMs);
    tracer.emit({
      place: placeIn(traceId, newSpanId()),
      parent: { spanId: stepSpanId(row) },
      name: `attempt ${row.attempt}`,
      startMs,
      endMs: row.endedAt ?? startMs,
      fields: { 'studio.step.path': row.path, 'studio.step.attempt': row.attempt, 'studio.step.status': row.status, 'error.type': codeOf(row.error) },
      fault: isFault(row.status) ? messageIn(row.error) : undefined,
    });
  }

  function tellPause(traceId: string, row: StepWrite, nowMs: number): void {
    const key = stepKey(row);
    const before = pauses.take(key);
    const kind = row.status === 'waiting' ? kindOf(row.wait) : undefined;
    if (kind !== undefined) pauses.set(key, before?.kind === kind ? before : { kind, sinceMs: nowMs });
    if (before === undefined || before.kind === kind) return;
    tracer.emit({
      place: placeIn(traceId, newSpanId()),
      parent: { spanId: stepSpanId(row) },
      name: `wait ${before.kind}`,
      startMs: before.sinceMs,
      endMs: row.endedAt ?? row.startedAt ?? nowMs,
      fields: { 'studio.step.path': row.path, 'studio.wait.kind': before.kind },
    });
  }

  function tellStep(traceId: string, row: StepWrite, about: TracedInstance): void {
    const firstMs = firsts.take(stepKey(row));
    // What was passed over has no time of its own.
    if (row.endedAt === null || row.status === 'skipped') return;
    if (firstMs !== undefined) tellAttempt(traceId, row);
    firsts.take(stepKey(row));
    const startMs = Math.min(row.queuedAt ?? row.endedAt, row.startedAt ?? row.endedAt, firstMs ?? row.endedAt);
    const type = typeAt(about.graph, row.path);
    const name = row.path.slice(row.path.lastIndexOf('/') + 1).replace(/\[\d+\]$/, '[]');
    tracer.emit({
      place: placeIn(traceId, stepSpanId(row)),
      parent: parentOf(row.instanceId, row.path),
      name: type === undefined ? name : `${type} ${name}`,
      startMs,
      endMs: row.endedAt,
      fields: {
        ...fieldsOf(row.instanceId, about),
        'studio.step.path': row.path,
        'studio.step.type': type,
        'studio.step.generation': row.generation,
        'studio.step.attempt': row.attempt,
        'studio.step.status': row.status,
        'studio.step.port': row.port,
        'studio.job.id': row.jobId,
        'studio.worker.id': row.workerId,
        'error.type': codeOf(row.error),
      },
      fault: isFault(row.status) ? messageIn(row.error) : undefined,
    });
  }

  function tellEnd(traceId: string, row: InstanceUpdate, about: TracedInstance): void {
    const links = starts.take(row.id) ?? [callerOf(about)].filter((link) => link !== undefined);
    tracer.emit({
      place: placeIn(traceId, instanceSpanId(row.id)),
      name: `workflow ${about.workflowName}`,
      kind: 'consumer',
      startMs: about.createdAt,
      endMs: row.endedAt ?? clock.now(),
      fields: { ...fieldsOf(row.id, about), 'studio.instance.status': row.status, 'error.type': codeOf(row.error) },
      fault: row.status === 'failed' ? messageIn(row.error) : undefined,
      links,
    });
  }

  return {
    committed({ groups }) {
      const nowMs = clock.now();
      for (const group of groups) {
        const { instanceId, about, created, steps, instance, attempts } = group;
        const traceId = traceIdOf(instanceId);
        if (about === undefined || !tracer.isSampled(traceId)) continue;
        if (created !== undefined) tellStart(traceId, created, group.events[0]?.requestId ?? null, about);
        for (const row of attempts) tellAttempt(traceId, row);
        for (const row of steps.values()) {
          if (row.generation > 1) generations.set(`${instanceId} ${row.path}`, row.generation);
          tellPause(traceId, row, nowMs);
          if (isTerminalStep(row.status)) tellStep(traceId, row, about);
        }
        if (instance !== undefined && isTerminalInstance(instance.status)) tellEnd(traceId, instance, about);
      }
    },
  };
}

/** `a/map[3]/b` stands in `a/map[3]`, which stands in `a/map`; what stands in nothing stands in the instance. */
function outerPath(path: string): string | undefined {
  if (path.endsWith(']')) return path.slice(0, path.lastIndexOf('['));
  const slash = path.lastIndexOf('/');
  return slash === -1 ? undefined : path.slice(0, slash);
}

/** Of the node that a step's path names. */
function typeAt(graph: TracedGraph, path: string): string | undefined {
  let at: TracedGraph | undefined = graph;
  let type: string | undefined;
  for (const part of path.split('/')) {
    const node: ReturnType<TracedGraph['byKey']['get']> = at?.byKey.get(part.replace(/\[\d+\]$/, ''));
    type = node?.node.type;
    at = node?.body?.graph;
  }
  return type;
}

function stepKey({ instanceId, path, generation }: { readonly instanceId: string; readonly path: string; readonly generation: number }): string {
  return `${instanceId} ${path} ${generation}`;
}

function callerOf({ parent }: TracedInstance): SpanPlace | undefined {
  if (parent === undefined) return undefined;
  const { instanceId, path, generation } = parent;
  return { traceId: traceIdOf(instanceId), spanId: stepSpanId({ instanceId, path, generation: generation ?? 1 }), isSampled: true };
}

function fieldsOf(instanceId: string, about: TracedInstance): SpanFields {
  return {
    'studio.instance.id': instanceId,
    'studio.workflow.id': about.workflowId,
    'studio.workflow.name': about.workflowName,
    'studio.workflow.version': about.version,
    'studio.org.id': about.orgId,
    'studio.test': about.isTest || undefined,
  };
}

function isFault(status: string): boolean {
  return status === 'failed' || status === 'timed_out';
}

function codeOf(error: string | null): string | undefined {
  return failureIn(error).code;
}

function messageIn(error: string | null): string {
  const { code, message } = failureIn(error);
  return message ?? code ?? 'failed';
}

function failureIn(error: string | null): { readonly code?: string; readonly message?: string } {
  return error === null ? {} : (JSON.parse(error) as { code?: string; message?: string });
}

function kindOf(wait: string | null): string {
  return wait === null ? 'unknown' : (JSON.parse(wait) as { kind: string }).kind;
}
