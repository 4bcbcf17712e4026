/** The engine: runs instances of workflows, durably. This file is its table of contents: it joins the parts and says what callers may ask.
 *  What is promised: README.md beside. Never imports jobs, files or http; they are handed in as ports. */
import type { DefinitionDiff } from '../contract/definitions.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Definition, Problem } from '../contract/graph.ts';
import type { CommandSpec } from '../contract/command.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { releaseLive } from './advance.ts';
import { notifyEnd, type EngineParts } from './core.ts';
import { watchAdmission } from './admission.ts';
import { findStep } from './step-path.ts';
import { deleteInstance } from './instance-commands.ts';
import { type JournalStats } from './journal.ts';
import { learnSuspects } from './suspects.ts';
import { commandOf, onJobEnded, onJobRequeued, onJobStarted, type Requeued } from './job-steps.ts';
import { buryDeadOwners, registerOwner, watchOwnership, type Watch } from './ownership.ts';
import { patiently } from './patient.ts';
import { prepareFromRows } from './prepare.ts';
import { adoptAll, cancelStrays, recoverLost } from './recover.ts';
import { commandInstance, commandStep, executeRemote, type InstanceRequest, type StepCommandRequest } from './route-command.ts';
import { diffDefinitions } from './definition-diff.ts';
import { copyWorkflow, diffVersions, exportWorkflow, importWorkflow, type Imported, type ImportRequest } from './definitions.ts';
import { rerunInstance, type RerunRequest } from './rerun.ts';
import { startBatch, startInstance, type BatchRequest, type StartRequest, type Started } from './start.ts';
import { closeEditor, editorsOf, keepEditor, type KeepEditorRequest } from './editors.ts';
import { lastOutputs, type LastOutputs } from './last-outputs.ts';
import { flush } from './stage.ts';
import type { Effect } from './step-commands.ts';
import { startTestRun, type TestRunRequest } from './test-run.ts';
import type { Subject } from './validate-outer.ts';
import {
  archiveWorkflow,
  createWorkflow,
  problemsOf,
  publishWorkflow,
  restoreVersion,
  saveDraft,
  tagWorkflow,
  unarchiveWorkflow,
  type Publisher,
  type WorkflowContent,
} from './workflow-commands.ts';
import { cancelIfLive, createCore } from './create-core.ts';
import { waitEnded } from './wait-ended.ts';

export interface JobStep {
  readonly instanceId: string;
  readonly path: string;
  readonly generation: number;
  readonly attempt: number;
}

export interface Engine {
  /** Registers this process, takes over what nobody owns, and goes on with it. */
  start(): Promise<void>;
  /** Starts no further step; resolves when nothing inline runs any more, or when `timeoutMs` is over. */
  drain(timeoutMs?: number): Promise<void>;
  /** Ends this process's part; what is not durable is lost, as in a crash. */
  stop(): Promise<void>;
  /** For crash tests: forgets everything at once and writes nothing more. */
  crash(): void;
  readonly stats: EngineStats;
  /** This process among others on the same database; undefined before `start`. */
  readonly ownerId: string | undefined;

  problemsOf(definition: Json, subject: Subject): Promise<readonly Problem[]>;
  createWorkflow(request: Publisher & WorkflowContent & { readonly id: string }): Promise<string>;
  copyWorkflow(request: Publisher & { readonly id: string; readonly workflowId: string; readonly name: string | undefined }): Promise<void>;
  importWorkflow(request: ImportRequest): Promise<Imported>;
  exportWorkflow(request: Parameters<typeof exportWorkflow>[1]): ReturnType<typeof exportWorkflow>;
  diffVersions(request: Parameters<typeof diffVersions>[1]): ReturnType<typeof diffVersions>;
  compareDefinitions(before: Definition, after: Definition): DefinitionDiff;
  publishWorkflow(request: Publisher & WorkflowContent & { readonly workflowId: string; readonly ifMatch: string | undefined }): Promise<void>;
  restoreVersion(request: Publisher & { readonly workflowId: string; readonly version: number }): Promise<void>;
  saveDraft(request: {
    readonly orgId: string;
    readonly workflowId: string;
    readonly draft: Json;
    readonly ifMatch: string | undefined;
    readonly requestId: string;
  }): Promise<{ readonly etag: string; readonly savedAt: Date }>;
  archiveWorkflow(request: { readonly orgId: string; readonly workflowId: string; readonly cancel: boolean; readonly requestId: string }): Promise<void>;
  unarchiveWorkflow(request: Parameters<typeof unarchiveWorkflow>[1]): Promise<void>;
  tagWorkflow(request: Parameters<typeof tagWorkflow>[1]): Promise<readonly string[]>;

  editorsOf(query: Parameters<typeof editorsOf>[1]): ReturnType<typeof editorsOf>;
  keepEditor(request: KeepEditorRequest): ReturnType<typeof keepEditor>;
  closeEditor(request: Parameters<typeof closeEditor>[1]): Promise<void>;

  startInstance(request: StartRequest): Promise<Started>;
  startBatch(request: BatchRequest): Promise<readonly string[]>;
  startTestRun(request: TestRunRequest): ReturnType<typeof startTestRun>;
  lastOutputs(query: { readonly orgId: string; readonly workflowId: string }): Promise<LastOutputs>;
  rerunInstance(request: RerunRequest): Promise<{ readonly id: string }>;
  commandInstance(request: InstanceRequest): Promise<void>;
  commandStep(request: StepCommandRequest): Promise<Effect>;
  deleteInstance(request: { readonly orgId: string; readonly id: string; readonly requestId: string }): Promise<void>;
  /** @returns true when the instance has ended, durably; false when the time is over or the signal aborts first */
  waitEnded(instanceId: string, timeoutMs: number, signal: AbortSignal): Promise<boolean>;

  /** The process of a step's job, secrets included, and what to mask in its log. @throws NodeError, AppError when it may not or can't run */
  prepareJob(step: JobStep): Promise<{ readonly spec: CommandSpec; readonly redact: readonly string[] }>;
  onJobStarted(job: { readonly id: string; readonly workerId?: string | undefined }): void;
  onJobRequeued(job: Requeued): void;
  onJobEnded(jobId: string): void;
}

export interface EngineStats {
  readonly journal: Readonly<JournalStats>;
  /** Live instances in memory, attempts in flight, ready steps waiting. */
  readonly lives: number;
  readonly running: number;
  readonly ready: number;
}

const DRAIN_MS = 20_000;

export function createEngine(parts: EngineParts): Engine {
  const core = createCore(parts);
  let watch: Watch | undefined;
  let admission: { stop(): void } | undefined;
  let endAnnounce = (): void => {};

  core.onLost = (live, why) => {
    recoverLost(core, live, why);
    if (why === 'fenced') watch?.checkOwner();
  };

  // A function: the state changes while others wait.
  const isStopped = (): boolean => core.state === 'stopped';

  function stopParts(): void {
    core.state = 'stopped';
    watch?.stop();
    admission?.stop();
    endAnnounce();
    core.journal.stop();
    core.dirtyTimer?.();
    for (const live of [...core.lives.values()]) releaseLive(core, live, 'Studio is stopping');
    core.ready.length = 0;
    for (const id of [...core.endListeners.keys()]) notifyEnd(core, id, 'released');
  }

  return {
    async start() {
      core.startedAt = core.clock.monotonic();
      await learnSuspects(core);
      // A database that goes away again in these moments is waited for, as later.
      await patiently(core, () => registerOwner(core));
      await patiently(core, () => buryDeadOwners(core));
      if (isStopped()) return;
      core.state = 'running';
      await adoptAll(core);
      await cancelStrays(core);
      // Asked to stop while it started: nothing may be left that goes on.
      if (isStopped()) return;
      admission = watchAdmission(core);
      watch = watchOwnership(core, (command) => executeRemote(core, command));
      // Alone, nobody else leaves commands; else an announcement may be another process's.
      endAnnounce = parts.isAlone === true ? () => undefined : parts.database.onAnnounce(() => watch?.nudge());
      core.log.info({ epoch: core.owner?.epoch, instances: core.lives.size }, 'the engine runs');
    },
    async drain(timeoutMs = DRAIN_MS) {
      if (core.state === 'running') core.state = 'draining';
      const deadline = core.clock.monotonic() + timeoutMs;
      while (core.runningCount > 0 && core.clock.monotonic() < deadline) await core.clock.sleep(20);
      for (const live of [...core.dirty]) flush(core, live);
      await core.journal.drained();
    },
    async stop() {
      if (core.state === 'stopped') return;
      for (const live of [...core.dirty]) flush(core, live);
      await core.journal.drained();
      stopParts();
      await parts.flightRecorder?.close();
      await core.evaluator.stop();
    },
    crash() {
      stopParts();
      void core.evaluator.stop();
    },
    get stats() {
      return { journal: core.journal.stats, lives: core.lives.size, running: core.runningCount, ready: core.ready.length };
    },
    get ownerId() {
      return core.owner?.id;
    },

    problemsOf: (definition, subject) => problemsOf(core, definition, subject),
    createWorkflow: (request) => createWorkflow(core, request),
    copyWorkflow: (request) => copyWorkflow(core, request),
    importWorkflow: (request) => importWorkflow(core, request),
    exportWorkflow: (request) => exportWorkflow(core, request),
    diffVersions: (request) => diffVersions(core, request),
    compareDefinitions: (before, after) => diffDefinitions(before, after, core.parts.nodeTypes),
    publishWorkflow: (request) => publishWorkflow(core, request),
    restoreVersion: (request) => restoreVersion(core, request),
    saveDraft: (request) => saveDraft(core, request),
    archiveWorkflow: (request) => archiveWorkflow(core, request, (instanceId) => cancelIfLive(core, { ...request, instanceId })),
    unarchiveWorkflow: (request) => unarchiveWorkflow(core, request),
    tagWorkflow: (request) => tagWorkflow(core, request),

    editorsOf: (query) => editorsOf(core, query),
    keepEditor: (request) => keepEditor(core, request),
    closeEditor: (request) => closeEditor(core, request),

    startInstance: (request) => startInstance(core, request),
    startBatch: (request) => startBatch(core, request),
    startTestRun: (request) => startTestRun(core, request),
    lastOutputs: (query) => lastOutputs(core, query),
    rerunInstance: (request) => rerunInstance(core, request),
    commandInstance: (request) => commandInstance(core, request),
    commandStep: (request) => commandStep(core, request),
    deleteInstance: (request) => deleteInstance(core, request),
    waitEnded: (instanceId, timeoutMs, signal) => waitEnded(core, instanceId, timeoutMs, signal),

    async prepareJob(step) {
      const live = core.lives.get(step.instanceId);
      const found = live === undefined ? undefined : findStep(live, step.path);
      if (found === undefined) return prepareFromRows(core, step);
      const { frame, node } = found;
      const present = frame.steps[node.index];
      if (present?.generation !== step.generation || present.attempt !== step.attempt)
        fail('conflict', `step ${step.path} of ${step.instanceId} has moved on to generation ${present?.generation ?? 0}, attempt ${present?.attempt ?? 0}`);
      return commandOf(core, frame, node);
    },
    onJobStarted: (job) => onJobStarted(core, job),
    onJobRequeued: (job) => onJobRequeued(core, job),
    onJobEnded: (jobId) =>
      void onJobEnded(core, jobId).catch((error: unknown) =>
        core.log.warn({ jobId, cause: messageOf(error) }, 'the end of a job could not be read; the poll will'),
      ),
  };
}
