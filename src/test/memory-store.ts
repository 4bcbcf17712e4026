/** The store of a running engine in memory: the same questions, checks and refusals as PostgreSQL gives, as plain data. For simulations
 *  (test/simulation.ts) and golden histories. Its rows are memory-rows.ts.
 *  One thing to know: memory-store.test.ts asks both stores the same and compares. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure } from '../contract/instances.ts';
import { isTerminalInstance, isTerminalStep, type InstanceStatus } from '../contract/values.ts';
import type { EngineStore } from '../engine/store-port.ts';
import type { AdmissionEntry, InstanceRow, JobEntry, OwnerEntry, Rows, StepRow } from './memory-rows.ts';
import type { StoredInstance } from '../store/instances.ts';
import type { NewStepJob } from '../store/jobs.ts';
import type { Batch, Fence } from '../store/journal.ts';
import type { AdmissionRequest } from '../store/admissions.ts';
import type { StoredStep, StoredWait } from '../store/steps.ts';

type Answers = { readonly [Name in keyof EngineStore]: (...rest: Parameters<EngineStore[Name]>) => Awaited<ReturnType<EngineStore[Name]>> };

/** Asked with each call: decides when, whether and how `apply` happens. */
export type Gate = (name: keyof EngineStore, apply: () => unknown) => Promise<unknown>;

/** The store over `rows`, each call through `gate`. @param now wall time, ms */
export function memoryStore(rows: Rows, now: () => number, gate: Gate = async (_name, apply) => apply()): EngineStore {
  const answers = answersOf(rows, now);
  const entries = Object.entries(answers) as [keyof EngineStore, (...rest: readonly unknown[]) => unknown][];
  const asked = entries.map(([name, answer]) => [name, (...rest: readonly unknown[]) => gate(name, () => answer(...rest))]);
  return Object.fromEntries(asked) as EngineStore;
}

/** An error as the database gives it. */
export function databaseError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function answersOf(rows: Rows, now: () => number): Answers {
  return { ...ownerAnswers(rows, now), ...instanceAnswers(rows), ...stepAnswers(rows), ...policyAnswers(rows), ...otherAnswers(rows) };
}

type Part<Names extends keyof EngineStore> = Pick<Answers, Names>;

function ownerAnswers(rows: Rows, now: () => number): Part<'insertOwner' | 'beatOwner' | 'listOwners' | 'deleteOwners' | 'isOwner' | 'listOrphanEpochs'> {
  const find = (owner: { readonly id: string; readonly epoch: number }): OwnerEntry | undefined => {
    const entry = rows.owners.get(owner.epoch);
    return entry?.id === owner.id ? entry : undefined;
  };
  return {
    insertOwner(owner) {
      rows.lastEpoch += 1;
      rows.owners.set(rows.lastEpoch, { ...owner, epoch: rows.lastEpoch, beatAt: now() });
      return { id: owner.id, epoch: rows.lastEpoch };
    },
    beatOwner(owner) {
      const entry = find(owner);
      if (entry !== undefined) rows.owners.set(entry.epoch, { ...entry, beatAt: now() });
      return entry !== undefined;
    },
    listOwners: () => [...rows.owners.values()].map(({ beatAt, ...owner }) => ({ ...owner, silentMs: now() - beatAt })),
    deleteOwners(epochs, minSilentMs) {
      const dead = epochs.filter((epoch) => (rows.owners.get(epoch)?.beatAt ?? Infinity) <= now() - minSilentMs);
      for (const epoch of dead) rows.owners.delete(epoch);
      return dead;
    },
    isOwner: (owner) => find(owner) !== undefined,
    listOrphanEpochs() {
      const live = [...rows.instances.values()].filter(isLive).flatMap(({ ownerEpoch }) => (ownerEpoch === null ? [] : [ownerEpoch]));
      return [...new Set(live)].filter((epoch) => !rows.owners.has(epoch)).toSorted((a, b) => a - b);
    },
  };
}

function isLive(row: { readonly status: InstanceStatus }): boolean {
  return !isTerminalInstance(row.status);
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

function instanceAnswers(
  rows: Rows,
): Part<
  'adoptInstances' | 'adoptInstance' | 'readStoredInstance' | 'readOutcome' | 'readStatus' | 'listEndedInstances' | 'listStrayChildren' | 'readPrincipalRole'
> {
  const take = (row: InstanceRow, epoch: number): void => void rows.instances.set(row.id, { ...row, ownerEpoch: epoch });
  return {
    adoptInstances({ epoch, from, after, limit }) {
      const free = [...rows.instances.values()].filter((row) => isLive(row) && row.ownerEpoch === from && row.id > after).toSorted(byId);
      const taken = free.slice(0, limit);
      for (const row of taken) take(row, epoch);
      return taken.map((row) => storedOf(rows, { ...row, ownerEpoch: epoch }));
    },
    adoptInstance({ id, epoch }) {
      const row = rows.instances.get(id);
      const isFree = row !== undefined && (row.ownerEpoch === epoch || row.ownerEpoch === null || !isLive(row) || !rows.owners.has(row.ownerEpoch));
      if (isFree) take(row, epoch);
      return isFree;
    },
    readStoredInstance({ id, orgId }) {
      const row = rows.instances.get(id);
      return row === undefined || (orgId !== undefined && row.orgId !== orgId) ? undefined : storedOf(rows, row);
    },
    readOutcome(id) {
      const row = rows.instances.get(id);
      return row === undefined ? undefined : { status: row.status, output: parse(row.output), error: parse(row.error) as Failure | null };
    },
    readStatus: (id) => rows.instances.get(id)?.status,
    listEndedInstances: (ids) => ids.filter((id) => !isLive(rows.instances.get(id) ?? { status: 'cancelled' })),
    listStrayChildren(limit) {
      const isStray = (row: InstanceRow): boolean => {
        const parent = row.parentId === null ? undefined : rows.instances.get(row.parentId);
        return isLive(row) && row.parentGeneration !== null && parent !== undefined && !isLive(parent);
      };
      const strays = [...rows.instances.values()].filter(isStray).toSorted(byId).slice(0, limit);
      return strays.map(({ id, orgId }) => ({ id, orgId }));
    },
    readPrincipalRole: () => 'super_admin',
  };
}

function storedOf(rows: Rows, row: InstanceRow): StoredInstance {
  const { id, orgId, workflowId, version, status, priority, startedBy, principal, ownerEpoch, createdAt, startedAt, depth, debug, starter, limitKey, rateKey } =
    row;
  let { seq } = row;
  for (const step of rows.steps.get(id)?.values() ?? []) seq = Math.max(seq, step.seq);
  const parent = row.parentId === null ? undefined : { instanceId: row.parentId, path: row.parentPath ?? '', generation: row.parentGeneration };
  return {
    ...{
      id,
      orgId,
      workflowId,
      version,
      status,
      priority,
      startedBy,
      starter,
      principal,
      ownerEpoch,
      createdAt,
      startedAt,
      depth,
      debug,
      limitKey,
      rateKey,
      seq,
      parent,
    },
    workflowName: rows.workflows.get(workflowId)?.name ?? '',
    input: parse(row.input),
    labels: parse(row.labels) as Record<string, string>,
  };
}

function parse(text: string | null): Json {
  return text === null ? null : (JSON.parse(text) as Json);
}

/** Newest rows by path, in the order of their paths. */
function newest(rows: Rows, instanceId: string, isAsked: (row: StepRow) => boolean): StepRow[] {
  const found = new Map<string, StepRow>();
  for (const row of rows.steps.get(instanceId)?.values() ?? [])
    if (isAsked(row) && (found.get(row.path)?.generation ?? 0) < row.generation) found.set(row.path, row);
  return [...found.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function storedStep(row: StepRow): StoredStep {
  const { orgId: _orgId, input: _input, output, error, wait, ...same } = row;
  return {
    ...same,
    output: parse(output),
    hasOutput: output !== null,
    error: parse(error) as Failure | null,
    wait: parse(wait) as unknown as StoredWait | null,
  };
}

function stepAnswers(
  rows: Rows,
): Part<
  | 'loadSteps'
  | 'loadStepsAt'
  | 'loadStepsUnder'
  | 'listBodyRows'
  | 'readHighestGeneration'
  | 'readItemResults'
  | 'readStepInput'
  | 'writeStepItems'
  | 'readStepItems'
> {
  const itemsKey = (of: { readonly instanceId: string; readonly path: string; readonly generation: number }, chunk: number): string =>
    `${of.instanceId} ${of.path} ${of.generation} ${chunk}`;
  return {
    loadSteps: (ids) => ids.toSorted().flatMap((id) => newest(rows, id, (row) => !row.path.includes('[')).map(storedStep)),
    loadStepsAt: (id, paths) => newest(rows, id, (row) => paths.includes(row.path)).map(storedStep),
    loadStepsUnder: (id, prefix) => newest(rows, id, (row) => row.path.startsWith(prefix) && !row.path.slice(prefix.length).includes('[')).map(storedStep),
    listBodyRows: ({ instanceId, prefix, base }) =>
      newest(rows, instanceId, (row) => row.path.startsWith(prefix) && row.generation > base).map(({ path, generation, status }) => ({
        path,
        generation,
        status,
      })),
    readHighestGeneration: (id, prefix) => Math.max(0, ...newest(rows, id, (row) => row.path.startsWith(prefix)).map((row) => row.generation)),
    readItemResults({ instanceId, path, base, indexes }) {
      const wanted = new Map(indexes.map((index) => [`${path}[${index}]`, index]));
      const found = newest(rows, instanceId, (row) => wanted.has(row.path) && row.generation > base);
      return new Map(found.map((row) => [wanted.get(row.path) ?? 0, { output: row.output, error: parse(row.error) as Failure | null }]));
    },
    readStepInput: ({ instanceId, path, generation }) => parse(rows.steps.get(instanceId)?.get(`${path} ${generation}`)?.input ?? null),
    writeStepItems(write) {
      for (let chunk = 0; chunk * write.chunk < write.items.length; chunk++)
        rows.items.set(itemsKey(write, chunk), JSON.stringify(write.items.slice(chunk * write.chunk, (chunk + 1) * write.chunk)));
    },
    readStepItems(read) {
      const text = rows.items.get(itemsKey(read, read.chunk));
      if (text === undefined) throw new Error(`the items ${read.chunk} of ${read.instanceId}/${read.path} are not there`);
      return parse(text) as readonly Json[];
    },
  };
}

function policyAnswers(rows: Rows): Part<'readCached' | 'writeCached' | 'admit' | 'admitAnyway' | 'releaseAdmission' | 'listAdmitted' | 'sweepAdmissions'> {
  const held = (workflowId: string, key: string | undefined): AdmissionEntry[] =>
    [...rows.admissions.values()].filter((one) => one.workflowId === workflowId && one.limit?.key === key && one.releasedAt === null);
  const release = (id: string, nowMs: number): void => {
    const entry = rows.admissions.get(id);
    if (entry?.releasedAt === null) rows.admissions.set(id, { ...entry, releasedAt: nowMs });
  };
  const admitAnyway = (request: AdmissionRequest): void => void rows.admissions.set(request.instanceId, { ...request, releasedAt: null });
  return {
    readCached({ orgId, key, nowMs }) {
      const found = rows.cache.get(`${orgId} ${key.toString('hex')}`);
      if (found === undefined || found.expiresAtMs <= nowMs) return undefined;
      const { output, port, instanceId, path } = found;
      return { output: parse(output), port, instanceId, path, at: new Date(found.nowMs) };
    },
    writeCached: (cached) => void rows.cache.set(`${cached.orgId} ${cached.key.toString('hex')}`, cached),
    admit(request) {
      const { instanceId, workflowId, limit, rate, nowMs } = request;
      if (rows.admissions.get(instanceId)?.releasedAt === null) return { isAdmitted: true };
      const young = [...rows.admissions.values()].filter(
        (one) => rate !== undefined && one.workflowId === workflowId && one.rate?.key === rate.key && one.nowMs > nowMs - rate.perMs,
      );
      if (rate !== undefined && young.length >= rate.max)
        return {
          isAdmitted: false,
          untilMs:
            Math.min(
              ...young
                .map((one) => one.nowMs)
                .toSorted((a, b) => b - a)
                .slice(0, rate.max),
            ) + rate.perMs,
        };
      if (limit !== undefined && held(workflowId, limit.key).length >= limit.max) return { isAdmitted: false, untilMs: undefined };
      admitAnyway(request);
      return { isAdmitted: true };
    },
    admitAnyway,
    releaseAdmission: release,
    listAdmitted: ({ workflowId, key, limit }) =>
      held(workflowId, key)
        .toSorted((a, b) => a.nowMs - b.nowMs || (a.instanceId < b.instanceId ? -1 : 1))
        .slice(0, limit)
        .map((one) => one.instanceId),
    sweepAdmissions({ nowMs, forgetBeforeMs }) {
      const strays = [...rows.admissions.values()].filter(
        (one) => one.releasedAt === null && !isLive(rows.instances.get(one.instanceId) ?? { status: 'cancelled' }),
      );
      for (const { instanceId } of strays) release(instanceId, nowMs);
      for (const one of rows.admissions.values()) if (one.releasedAt !== null && one.releasedAt < forgetBeforeMs) rows.admissions.delete(one.instanceId);
      return strays.length;
    },
  };
}

function otherAnswers(
  rows: Rows,
): Omit<
  Answers,
  | keyof ReturnType<typeof ownerAnswers>
  | keyof ReturnType<typeof instanceAnswers>
  | keyof ReturnType<typeof stepAnswers>
  | keyof ReturnType<typeof policyAnswers>
> {
  return {
    writeGroups: (fence, batch, jobs) => writeGroups(rows, fence, batch, jobs),
    readLastSequences: (ids) =>
      new Map(ids.flatMap((id) => (rows.events.has(id) ? [[id, Math.max(...(rows.events.get(id) ?? []).map((one) => one.sequence))]] : []))),
    readJobResult(id) {
      const job = rows.jobs.get(id);
      return job === undefined ? undefined : { status: job.status, result: job.result, error: job.error, reason: job.reason };
    },
    listEndedJobs: (ids) => ids.filter((id) => !['queued', 'running', undefined].includes(rows.jobs.get(id)?.status)),
    listStrayJobs(limit) {
      const isStray = (job: JobEntry): boolean => {
        const step = rows.steps.get(job.instanceId)?.get(`${job.stepPath} ${job.stepGeneration}`);
        return (
          (job.status === 'queued' || job.status === 'running') &&
          (step === undefined || step.jobId !== job.id || isTerminalStep(step.status) || step.status === 'pending')
        );
      };
      return [...rows.jobs.values()]
        .filter(isStray)
        .toSorted(byId)
        .slice(0, limit)
        .map(({ id, status }) => ({ id, status }));
    },
    insertCommand: (command) => void rows.commands.set(command.id, { ...command, isDone: false, error: null, effect: null }),
    listOpenCommands({ epoch, limit }) {
      const open = [...rows.commands.values()].filter((one) => !one.isDone && rows.instances.get(one.instanceId)?.ownerEpoch === epoch);
      return open
        .toSorted(byId)
        .slice(0, limit)
        .map(({ id, orgId, instanceId, kind, payload }) => ({ id, orgId, instanceId, kind, payload }));
    },
    finishCommand({ id, error, effect }) {
      const command = rows.commands.get(id);
      if (command?.isDone === false) rows.commands.set(id, { ...command, isDone: true, error: error ?? null, effect: effect ?? null });
    },
    readCommandResult(id) {
      const command = rows.commands.get(id);
      if (command === undefined) return { error: null, effect: null };
      return command.isDone ? { error: command.error, effect: command.effect } : undefined;
    },
    withdrawCommand: (id) => rows.commands.get(id)?.isDone === false && rows.commands.delete(id),
    readRunnableHead({ id }) {
      const workflow = rows.workflows.get(id);
      return workflow === undefined ? undefined : { name: workflow.name, version: 1, isArchived: false };
    },
    readVersion({ workflowId, version }) {
      const workflow = rows.workflows.get(workflowId);
      if (workflow === undefined) return undefined;
      return { version, structuralHash: '', publishedBy: 'user_sim', createdAt: new Date(0).toISOString(), definition: workflow.definition };
    },
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
