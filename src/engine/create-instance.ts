/** Makes new instances: their memory, their row, their first events. Decides nothing about when they run (start.ts, limits.ts). */
import type { Json } from '../contract/endpoint.ts';
import type { InstancePayload } from '../contract/events.ts';
import type { StoredInstance } from '../store/instances.ts';
import type { InstanceInsert } from '../store/journal.ts';
import type { WorkflowHead } from '../store/workflows.ts';
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
  readonly head: Pick<WorkflowHead, 'name' | 'version'>;
  readonly version: LoadedVersion;
  readonly parent?: StoredInstance['parent'];
  readonly depth?: number | undefined;
  readonly debug?: boolean | undefined;
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
      status: 'running',
      input: made.input,
      labels: { ...made.labels },
      priority: made.priority ?? made.version.definition.settings?.priority ?? DEFAULT_PRIORITY,
      startedBy: made.startedBy,
      principal: made.version.principal,
      ownerEpoch: core.owner?.epoch ?? null,
      seq: 0,
      createdAt: now,
      startedAt: now,
      parent: made.parent,
      depth: made.depth ?? 0,
      debug: made.debug ?? false,
    },
    made.version.graph,
  );
  live.requestId = made.requestId;
  return live;
}

/** The row of a new instance and its first two events. */
export function stageCreated(core: Core, live: Live, origin: { readonly startedBy: string; readonly rerunOf: string | null }): void {
  const group = bufferOf(core, live);
  live.seq = 1;
  const facts: InstancePayload = {
    status: 'running',
    workflowId: live.workflowId,
    workflowName: live.workflowName,
    version: live.version,
    labels: { ...live.labels },
    priority: live.priority,
    startedBy: origin.startedBy,
    ...(origin.rerunOf === null ? {} : { rerunOf: origin.rerunOf }),
    createdAt: new Date(live.createdAt).toISOString(),
    startedAt: isoOf(live.startedAt),
    endedAt: null,
  };
  pushEvent(live, group, 'engine:instance:created', facts);
  live.seq = 2;
  pushEvent(live, group, 'engine:instance:started', { status: 'running', startedAt: isoOf(live.startedAt) });
  group.created = createdRow(live, origin);
}

function createdRow(live: Live, origin: { readonly startedBy: string; readonly rerunOf: string | null }): InstanceInsert {
  return {
    id: live.id,
    orgId: live.orgId,
    workflowId: live.workflowId,
    version: live.version,
    status: 'running',
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
  };
}
