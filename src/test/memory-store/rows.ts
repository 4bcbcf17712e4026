/** The rows that a store in memory holds: what the columns hold, JSON as text, so that nothing is shared with the engine. */
import type { Json } from '../../contract/endpoint.ts';
import type { Definition } from '../../contract/graph.ts';
import type { Failure } from '../../contract/instances.ts';
import type { JobStatus } from '../../contract/values.ts';
import type { AdmissionRequest } from '../../store/admissions.ts';
import type { NewStepJob } from '../../store/job-inserts.ts';
import type { AttemptInsert, InstanceEvent, InstanceInsert, LogInsert, StepWrite } from '../../store/journal.ts';
import type { ProcessFacts } from '../../store/owners.ts';
import type { NewCached } from '../../store/step-cache.ts';

export interface InstanceRow extends InstanceInsert {
  readonly ownerEpoch: number | null;
  readonly output: string | null;
  readonly error: string | null;
  readonly endedAt: number | null;
}

export type StepRow = Omit<StepWrite, 'expected'>;

export interface OwnerEntry extends ProcessFacts {
  readonly id: string;
  readonly epoch: number;
  readonly beatAt: number;
}

export interface JobEntry extends NewStepJob {
  readonly status: JobStatus;
  readonly result: string | null;
  readonly error: Failure | null;
  readonly reason: string | null;
}

interface CommandEntry {
  readonly id: string;
  readonly orgId: string;
  readonly instanceId: string;
  readonly kind: string;
  readonly payload: Json;
  readonly isDone: boolean;
  readonly error: Failure | null;
  readonly effect: string | null;
}

interface WorkflowEntry {
  readonly id: string;
  readonly name: string;
  readonly definition: Definition;
}

export interface AdmissionEntry extends AdmissionRequest {
  readonly releasedAt: number | null;
}

/** Everything that outlives an engine. */
export interface Rows {
  readonly workflows: Map<string, WorkflowEntry>;
  readonly instances: Map<string, InstanceRow>;
  /** By instance, then by path and generation. */
  readonly steps: Map<string, Map<string, StepRow>>;
  readonly attempts: Map<string, AttemptInsert>;
  readonly logs: LogInsert[];
  readonly events: Map<string, InstanceEvent[]>;
  readonly owners: Map<number, OwnerEntry>;
  readonly jobs: Map<string, JobEntry>;
  readonly commands: Map<string, CommandEntry>;
  readonly items: Map<string, string>;
  readonly cache: Map<string, NewCached>;
  readonly admissions: Map<string, AdmissionEntry>;
  lastEpoch: number;
}

export function emptyRows(): Rows {
  return {
    workflows: new Map(),
    instances: new Map(),
    steps: new Map(),
    attempts: new Map(),
    logs: [],
    events: new Map(),
    owners: new Map(),
    jobs: new Map(),
    commands: new Map(),
    items: new Map(),
    cache: new Map(),
    admissions: new Map(),
    lastEpoch: 0,
  };
}
