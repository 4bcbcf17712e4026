/** Joins the parts of a process that only runs jobs (STUDIO_ROLE=worker), for a Studio with the same PostgreSQL and the same workspace. It owns no instance,
 *  serves no API, no UI and no model; what it takes is leased to it, and a result counts only while the lease is its own. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createEngine } from './engine/engine.ts';
import { createFiles } from './files/files.ts';
import { createLargeResults } from './files/large.ts';
import { createIdentity } from './identity/identity.ts';
import { proposedOrigin } from './identity/public-origin.ts';
import { defaultEnvironments } from './jobs/environments.ts';
import { workerProof } from './jobs/admission.ts';
import { createJobs } from './jobs/jobs.ts';
import { createSandbox } from './jobs/sandbox.ts';
import { createEgress, type Egress } from './kernel/egress.ts';
import { nodeTypes } from './nodes/index.ts';
import { createListener } from './store/listen.ts';
import type { Wired, WireParts } from './wire.ts';
import { wireGpus } from './wire-gpus.ts';
import { grantTrace, wireTracing } from './wire-tracing.ts';

export async function wireWorker({ config, log, clock, database, connections, live, board }: WireParts): Promise<Wired> {
  live.onChange(['debug', 'logLevel'], () => (log.level = config.logLevel));
  const { sharedPath } = config;
  const tracing = await wireTracing({ config, clock, log });
  const listener = createListener({ connect: connections.engine, clock, log });
  // For secrets and settings alone: nobody signs in here, so it is never started.
  const identity = createIdentity({
    ...{ database, clock, log, listen: listener.listen, workspacePath: config.workspacePath },
    jwtSecret: config.jwtSecretKey,
    encryptionKey: config.credentialEncryptionKey,
    defaultOrigin: proposedOrigin({ podId: undefined, port: config.port, isTls: false }),
    seed: undefined,
    onClaimed: async () => undefined,
  });
  const unreadable = await identity.secrets.countUnreadable();
  if (unreadable > 0) log.error({ count: unreadable }, 'stored secrets can not be opened: CREDENTIAL_ENCRYPTION_KEY is not that of the Studio this works for');
  const files = createFiles({ database, workspacePath: sharedPath, clock, log });
  const { ledger, ...gpus } = await wireGpus({ config, clock, log, database, onGranted: (waitMs, lease) => grantTrace(tracing, waitMs, lease) });
  const sandbox = createSandbox({ clock, log });
  const httpOf = (orgId: string): Egress => createEgress({ allowedHosts: async () => (await identity.settings.of(orgId)).allowedHosts, clock });
  // Never started, so it owns nothing: it only prepares the commands of steps from their rows.
  const engine = createEngine({
    ...{ database, clock, log, nodeTypes, sandbox, httpOf },
    filesOf: files.of,
    large: createLargeResults({ files, database, clock }),
    secrets: identity.secrets,
    neverRuns: () => undefined,
    jobs: { wake: () => undefined, cancel: async () => undefined },
  });
  const jobs = createJobs({
    ...{ database, clock, log, files, ledger, httpOf },
    workspacePath: sharedPath,
    prepareJob: (step) => engine.prepareJob(step),
    // Whoever owns the instance reads these from the job's row.
    onJobStarted: () => undefined,
    onJobRequeued: () => undefined,
    onJobEnded: () => undefined,
    secrets: identity.secrets,
    environments: { path: config.venvPath ?? defaultEnvironments(config.workspacePath), limitBytes: config.venvLimitBytes },
    takesDrops: false,
    get stopMode() {
      return config.stopJobs;
    },
    observe: tracing?.jobs.ended,
    observeRequeued: tracing?.jobs.requeued,
    traceparentOf: tracing?.traceparentOf,
    worker: {
      isBuiltIn: false,
      ownPath: config.workspacePath,
      queues: config.workerQueues,
      proofFor: (id) => workerProof(config.workerSharedSecret, id),
      onRefused: (reason) => board.report('worker', reason === null ? null : `this worker may not take jobs: ${reason}`, true),
    },
  });
  await files.start();
  await gpus.start();
  await jobs.start();
  log.info({ name: config.workspacePath, queues: config.workerQueues.length === 0 ? 'all' : config.workerQueues }, 'the worker takes jobs');
  return {
    fetch: async () => refusal(),
    badRequest: refusal,
    upgrade: (_request: IncomingMessage, socket: Duplex) => void socket.destroy(),
    async drain() {
      jobs.drain();
    },
    async stop() {
      await jobs.stop();
      await gpus.stop();
      await engine.stop();
      await sandbox.stop();
      await listener.stop();
      await tracing?.stop();
    },
  };
}

const WRONG_DOOR = 'This process only runs jobs (STUDIO_ROLE=worker) and answers /health alone: call the Studio that it works for.';

function refusal(): Response {
  return Response.json({ error: { code: 'not_found', message: WRONG_DOOR, requestId: 'worker' } }, { status: 404, headers: { 'cache-control': 'no-store' } });
}
