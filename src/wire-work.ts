/** Joins what runs work: the engine, its triggers and the jobs. Engine and jobs need each other at run time and know nothing of each other:
 *  each is handed what it calls. Part of wire.ts. */
import { join } from 'node:path';
import type { CompleteConfig } from './config/schema.ts';
import { createCallbacks, type Callbacks } from './engine/callbacks.ts';
import type { EngineParts } from './engine/core.ts';
import type { EngineCredentials } from './engine/credentials.ts';
import { createEngine, type Engine } from './engine/engine.ts';
import { createFlightRecorder } from './engine/flight-recorder.ts';
import { createPreviewer, type Previewer } from './engine/preview.ts';
import type { StartRequest } from './engine/start.ts';
import { createTriggers, type Triggers } from './engine/triggers.ts';
import type { Files } from './files/files.ts';
import { createLargeResults } from './files/large.ts';
import type { Identity } from './identity/identity.ts';
import { defaultEnvironments } from './jobs/environments.ts';
import { admitWorkers } from './jobs/admission.ts';
import { createJobs, type Jobs, type JobsParts } from './jobs/jobs.ts';
import { needsOf } from './jobs/line.ts';
import { createSandbox, type Sandbox } from './jobs/sandbox.ts';
import type { Clock } from './kernel/clock.ts';
import type { Egress } from './kernel/egress.ts';
import { newId } from './kernel/ids.ts';
import type { Logger } from './kernel/log.ts';
import { nodeTypes } from './nodes/index.ts';
import { Broadcast } from './realtime/envelope.ts';
import type { WorkMeter } from './ops/work-meter.ts';
import { dropPathOf, type StorageVerdict } from './supervise/storage.ts';
import type { Tracing } from './tracing/tracing.ts';
import type { Database } from './store/client.ts';

interface WorkWireParts extends Required<Pick<EngineParts, 'notify' | 'downloadsOf' | 'modelsOf'>> {
  readonly httpOf: (orgId: string) => Egress;
  readonly config: CompleteConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly database: Database;
  readonly files: Files;
  readonly identity: Identity;
  readonly credentials: EngineCredentials;
  readonly ledger: JobsParts['ledger'];
  readonly meter: WorkMeter;
  readonly tracing: Tracing | undefined;
  readonly storage: StorageVerdict;
}

export interface WiredWork {
  readonly engine: Engine;
  readonly jobs: Jobs;
  readonly triggers: Triggers;
  readonly callbacks: Callbacks;
  readonly previewer: Previewer;
  readonly sandbox: Sandbox;
}

export function wireWork(parts: WorkWireParts): WiredWork {
  const { config, clock, log, database, files, identity, credentials, ledger, meter, notify, httpOf, tracing } = parts;
  const sandbox = createSandbox({ clock, log });
  const flightRecorder = createFlightRecorder({ folder: join(config.workspacePath, 'run', 'flight'), name: newId('own'), clock, log });
  process.once('exit', flightRecorder.flush);
  const engine: Engine = createEngine({
    database,
    clock,
    log,
    nodeTypes,
    filesOf: files.of,
    httpOf,
    notify,
    downloadsOf: parts.downloadsOf,
    sandbox,
    large: createLargeResults({ files, database, clock }),
    secrets: identity.secrets,
    credentials,
    neverRuns: (resources) => (jobs.hasOtherWorkers() ? undefined : ledger.neverReason(needsOf(resources))),
    jobs: { wake: (queue) => jobs.wake(queue), cancel: (jobId, reason) => jobs.cancel(jobId, reason) },
    modelsOf: parts.modelsOf,
    flightRecorder,
    isAlone: config.database.kind === 'embedded',
    onTriggersChanged: () => triggers.nudge(),
    observe(commit) {
      meter.committed(commit);
      tracing?.instances.committed(commit);
    },
    watchCalls: tracing?.calls,
  });
  const jobs: Jobs = createJobs({
    database,
    clock,
    log,
    workspacePath: config.workspacePath,
    files,
    ledger,
    prepareJob: (step) => engine.prepareJob(step),
    onJobStarted: (job) => engine.onJobStarted(job),
    onJobRequeued: (job) => engine.onJobRequeued(job),
    onJobEnded: (jobId) => engine.onJobEnded(jobId),
    secrets: identity.secrets,
    httpOf,
    environments: { path: config.venvPath ?? defaultEnvironments(config.workspacePath), limitBytes: config.venvLimitBytes },
    takesDrops: config.dropFolder,
    dropPath: dropPathOf(config, parts.storage),
    get stopMode() {
      return config.stopJobs;
    },
    worker: { isBuiltIn: true, queues: config.workerQueues, admit: () => admitWorkers({ database, clock, log, secret: config.workerSharedSecret }) },
    observe(attempt) {
      meter.jobEnded(attempt);
      tracing?.jobs.ended(attempt);
    },
    observeRequeued: tracing?.jobs.requeued,
    traceparentOf: tracing?.traceparentOf,
  });
  const previewer = createPreviewer({ clock, log });
  const start = async (request: StartRequest): Promise<void> => void (await engine.startInstance(request));
  const triggers = createTriggers({
    database,
    clock,
    log,
    secrets: identity.secrets,
    start: tracing?.fire(start) ?? start,
    cancel: (request) => engine.commandInstance({ ...request, command: 'cancel' }),
    envelopeOf: (event) => new Broadcast(event).envelope(),
  });
  const callbacks = createCallbacks({ database, clock, secrets: identity.secrets, commandStep: engine.commandStep });
  return { engine, jobs, triggers, callbacks, previewer, sandbox };
}
