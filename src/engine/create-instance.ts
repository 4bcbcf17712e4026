/** Makes new instances: their memory, their row, their first events. Decides nothing about when they run (start.ts, limits.ts). */
import type { Json } from '../contract/endpoint.ts';
import type { InstancePayload } from '../contract/events.ts';
import type { Instance } from '../contract/instances.ts';
import type { StoredInstance } from '../store/instances.ts';
import type { InstanceInsert } from '../store/journal.ts';
import type { RunnableHead } from '../store/workflows.ts';
import type { LimitKeys } from './admission.ts';
import type { Core, LoadedVersion } from './core.ts';
import { createLive, type Live } from './live.ts';
import { bufferOf, isoOf, pushEvent } from './stage.ts';

const DEFAULT_PRIORITY = 50;

export interface NewLive {
  readonly id: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly input: Json;
  readonly priority?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly startedBy: string;
  readonly requestId: string;
  readonly head: Pick<RunnableHead, 'name' | 'version'>;
  readonly version: LoadedVersion;
  readonly parent?: StoredInstance['parent'];
  readonly depth?: number | undefined;
  readonly debug?: boolean | undefined;
  readonly isTest?: boolean | undefined;
  /** Set: it begins as pending, and is let in by the limits. */
  readonly limits?: LimitKeys | undefined;
  readonly starter?: string | null | undefined;
}

/** A new instance in memory; nothing of it is staged. */
export function makeLive(core: Core, made: NewLive): Live {
  const now = core.clock.now();
  const live = createLive(
    {
      id: made.id,
      orgId: made.orgId,
      workflowId: made.workflowId,
      workflowName: made.head.name,
      version: made.head.version,
      status: made.limits === undefined ? 'running' : 'pending',
      input: made.input,
      labels: { ...made.labels },
      priority: made.priority ?? made.version.definition.settings?.priority ?? DEFAULT_PRIORITY,
      startedBy: made.startedBy,
      principal: made.version.principal,
      ownerEpoch: core.owner?.epoch ?? null,
      seq: 0,
      createdAt: now,
      startedAt: made.limits === undefined ? now : null,
      parent: made.parent,
      depth: made.depth ?? 0,
      debug: made.debug ?? false,
      isTest: made.isTest ?? false,
      limitKey: made.limits?.limitKey ?? null,
      rateKey: made.limits?.rateKey ?? null,
      starter: made.starter ?? null,
    },
    made.version.graph,
  );
  live.requestId = made.requestId;
  return live;
}

/** Where an instance comes from, and for what it waits when it is pending. */
export interface Origin {
  readonly startedBy: string;
  readonly rerunOf: string | null;
  readonly waiting?: NonNullable<Instance['waiting']> | undefined;
}

/** The row of a new instance and its first events. */
export function stageCreated(core: Core, live: Live, origin: Origin): void {
  const { waiting } = origin;
  const group = bufferOf(core, live);
  live.seq = 1;
  const facts: InstancePayload = {
    status: live.status,
    ...(waiting === undefined ? {} : { waiting }),
    workflowId: live.workflowId,
    workflowName: live.workflowName,
    version: live.version,
    labels: { ...live.labels },
    priority: live.priority,
    startedBy: origin.startedBy,
    ...(origin.rerunOf === null ? {} : { rerunOf: origin.rerunOf }),
    ...(live.isTest ? { isTest: true } : {}),
    createdAt: new Date(live.createdAt).toISOString(),
    startedAt: isoOf(live.startedAt),
    endedAt: null,
  };
  pushEvent(live, group, 'engine:instance:created', facts);
  if (live.status === 'running') {
    live.seq = 2;
    pushEvent(live, group, 'engine:instance:started', { status: 'running', startedAt: isoOf(live.startedAt) });
  }
  group.created = createdRow(live, origin);
}

function createdRow(live: Live, origin: Origin): InstanceInsert {
  return {
    id: live.id,
    orgId: live.orgId,
    workflowId: live.workflowId,
    version: live.version,
    status: live.status,
    input: JSON.stringify(live.input),
    labels: JSON.stringify(live.labels),
    priority: live.priority,
    startedBy: origin.startedBy,
    rerunOf: origin.rerunOf,
    principal: live.principal,
    seq: live.seq,
    createdAt: live.createdAt,
    startedAt: live.startedAt,
    parentId: live.parent?.instanceId ?? null,
    parentPath: live.parent?.path ?? null,
    parentGeneration: live.parent?.generation ?? null,
    depth: live.depth,
    debug: live.debug,
    isTest: live.isTest,
    limitKey: live.limitKey,
    rateKey: live.rateKey,
    waiting: origin.waiting === undefined ? null : JSON.stringify(origin.waiting),
    starter: live.starter,
  };
}
