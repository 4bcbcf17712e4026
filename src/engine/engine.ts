/** The engine: runs instances of workflows, durably. This file is its table of contents: it joins the parts and says what callers may ask.
 *  What is promised: README.md beside. Never imports jobs, files or http; they are handed in as ports. */
import type { DefinitionDiff } from '../contract/definitions.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Definition, Problem } from '../contract/graph.ts';
import type { CommandSpec } from '../contract/command.ts';
import { isTerminalInstance, type Role } from '../contract/values.ts';
import { systemClock } from '../kernel/clock.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { releaseLive } from './advance.ts';
import { notifyEnd, type Cause, type Core, type EndListener, type EngineParts } from './core.ts';
import { pump } from './dispatch.ts';
import { onEnded, watchAdmission } from './admission.ts';
import { continueBody, failBody } from './bodies.ts';
import { closeBody, endItem } from './body-items.ts';
import { callWorkflow } from './call.ts';
import { takeChildEnd } from './children.ts';
import { walled } from './fault.ts';
import { onDeadline, onTimer } from './timed.ts';
import { createEvaluator } from './evaluator.ts';
import { findStep } from './step-path.ts';
import { deleteInstance } from './instance-commands.ts';
import { createJournal, type JournalStats } from './journal.ts';
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
import { databaseStore } from './store-port.ts';
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

  problemsOf(definition: Json, subject: Subject & { readonly role: Role }): Promise<readonly Problem[]>;
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
const FOREIGN_LOOK_MS = 500;

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
      parts.flightRecorder?.close();
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

interface Cancelling {
  readonly orgId: string;
  readonly instanceId: string;
  readonly requestId: string;
  readonly why?: Cause | undefined;
}

async function cancelIfLive(core: Core, { orgId, instanceId, requestId, why }: Cancelling): Promise<void> {
  try {
    await commandInstance(core, { orgId, id: instanceId, command: 'cancel', requestId, why });
  } catch (error) {
    // It ended by itself meanwhile, perhaps a moment before its row says so.
    if (error instanceof AppError && error.code === 'illegal_transition') return;
    const status = await core.store.readStatus(instanceId);
    if (status !== undefined && !isTerminalInstance(status)) throw error;
  }
}

function createCore(parts: EngineParts): Core {
  const store = parts.store ?? databaseStore(parts.database.engine);
  const core: Core = {
    parts,
    store,
    clock: parts.clock,
    log: parts.log,
    journal: createJournal({
      store,
      announce: () => parts.database.announce(),
      clock: parts.clock,
      log: parts.log,
      fence: () => ({ ownerId: core.owner?.id ?? '', epoch: core.owner?.epoch ?? 0 }),
      observe: parts.observe,
    }),
    // Real time: the child is a real process whatever the clock of the instances says.
    evaluator: createEvaluator({ clock: systemClock, log: parts.log, ...(parts.expressionProgram === undefined ? {} : { program: parts.expressionProgram }) }),
    random: parts.random ?? Math.random,
    owner: undefined,
    state: 'starting',
    lives: new Map(),
    taking: new Map(),
    settling: new Map(),
    jobs: new Map(),
    children: new Map(),
    endListeners: new Map(),
    ready: [],
    runningCount: 0,
    isPumping: false,
    isPumpDue: false,
    cancelChild: (orgId, instanceId, why) => cancelIfLive(core, { orgId, instanceId, requestId: newId('req', parts.clock), why }),
    turns: {
      endItem: (frame, place, end, isPure) => endItem(core, frame, place, end, isPure),
      closeBody: (body, reason, outside) => closeBody(core, body, reason, outside),
      continueBody: (body) => continueBody(core, body),
      failBody: (frame, node, error) => failBody(core, frame, node, error),
      onTimer: (frame, node) => walled(core, frame.live, () => onTimer(core, frame, node)),
      onDeadline: (frame, node) => walled(core, frame.live, () => onDeadline(core, frame, node)),
      callWorkflow,
    },
    onEnded: (live) => onEnded(core, live),
    onChildEnded: (instanceId) => void takeChildEnd(core, instanceId),
    pump: () => pump(core),
    toFlush: new Set(),
    dirty: new Set(),
    dirtyTimer: undefined,
    pending: new Map(),
    suspects: { known: new Map(), alone: undefined, waiting: [] },
    carefulUntil: -Infinity,
    startedAt: 0,
    admitting: undefined,
    graphs: new Map(),
    largeCache: new Map(),
    onLost: () => undefined,
  };
  return core;
}

/** Waits without asking the database for what this process owns; what another owns is looked at twice a second. */
async function waitEnded(core: Core, instanceId: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = core.clock.monotonic() + timeoutMs;
  for (;;) {
    if (core.lives.has(instanceId)) {
      const status = await waitHere(core, instanceId, deadline - core.clock.monotonic(), signal);
      if (status !== 'released') return status !== undefined && isTerminalInstance(status);
    }
    const status = await core.store.readStatus(instanceId);
    if (status === undefined || isTerminalInstance(status)) return status !== undefined;
    if (core.lives.has(instanceId)) continue;
    const leftMs = deadline - core.clock.monotonic();
    if (leftMs <= 0 || signal.aborted || core.state === 'stopped') return false;
    await core.clock.sleep(Math.min(FOREIGN_LOOK_MS, leftMs), signal).catch(() => undefined);
  }
}

type EndStatus = Parameters<EndListener>[0];

/** @returns undefined when the time is over or the signal aborts */
function waitHere(core: Core, instanceId: string, timeoutMs: number, signal: AbortSignal): Promise<EndStatus | undefined> {
  return new Promise((resolve) => {
    const listeners = core.endListeners.get(instanceId) ?? new Set();
    core.endListeners.set(instanceId, listeners);
    const end = (status?: EndStatus): void => {
      cancel();
      signal.removeEventListener('abort', onAbort);
      listeners.delete(end);
      if (listeners.size === 0 && core.endListeners.get(instanceId) === listeners) core.endListeners.delete(instanceId);
      resolve(status);
    };
    const onAbort = (): void => end();
    const cancel = core.clock.after(Math.max(0, timeoutMs), () => end());
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return end();
    listeners.add(end);
  });
}
