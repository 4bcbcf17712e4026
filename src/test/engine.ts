/** An engine on a real database with a fake clock, and jobs that a test ends by hand. */
import { createHash } from 'node:crypto';
import type { Json } from '../contract/endpoint.ts';
import type { Definition } from '../contract/graph.ts';
import type { Instance, Step } from '../contract/instances.ts';
import type { EngineParts } from '../engine/core.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import type { FlightRecorder } from '../engine/flight-recorder.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { NodeType, NodeTypes } from '../nodes/kit.ts';
import type { HttpPort } from '../nodes/kit-ports.ts';
import { nodeTypes } from '../nodes/index.ts';
import { readInstance } from '../store/instance-rows.ts';
import { listSteps } from '../store/steps.ts';
import type { Database } from '../store/client.ts';
import { silentLog, testDatabase, type TestDatabase } from './database.ts';
import { fakeClock, type FakeClock } from './fake-clock.ts';

export interface EngineHarness {
  readonly db: TestDatabase;
  readonly clock: FakeClock;
  readonly orgId: string;
  readonly userId: string;
  readonly secrets: Map<string, string>;
  /** Queues woken, and jobs asked to cancel. */
  readonly woken: string[];
  readonly cancelled: string[];
  /** The newest engine. */
  engine: Engine;
  /** Another engine on the same data. */
  boot(options?: BootOptions): Promise<Engine>;
  /** The newest engine dies, and another process takes over what it held. */
  takeOver(): Promise<void>;
  publish(definition: Partial<Definition>): Promise<string>;
  start(workflowId: string, input?: Json): Promise<string>;
  /** An instance whose step at `path` waits. @param path default: `wait` */
  startWaiting(definition: Partial<Definition>, path?: string): Promise<string>;
  run(definition: Partial<Definition>, input?: Json): Promise<{ readonly id: string; readonly instance: Instance; readonly steps: Record<string, Step> }>;
  ended(id: string): Promise<Instance>;
  instance(id: string): Promise<Instance>;
  steps(id: string): Promise<Record<string, Step>>;
  /** Lets real work (the database) settle until `done`, moving no time. */
  until(done: () => Promise<boolean> | boolean, what?: string): Promise<void>;
  events(id: string): Promise<{ sequence: number; type: string; payload: Record<string, Json> }[]>;
  endJob(jobId: string, end: { readonly status: 'completed' | 'failed' | 'cancelled'; readonly result?: Json; readonly reason?: string }): Promise<void>;
  close(): Promise<void>;
}

export interface BootOptions {
  readonly isAlone?: boolean;
  readonly database?: Database;
  readonly types?: readonly NodeType[];
  /** Default: the harness's. */
  readonly clock?: FakeClock;
}

/** @param options.types more node types than the product's */
export async function engineHarness(
  options: {
    readonly types?: readonly NodeType[];
    readonly log?: Logger;
    readonly http?: HttpPort;
    readonly flightRecorder?: () => FlightRecorder;
    readonly neverRuns?: EngineParts['neverRuns'];
  } = {},
): Promise<EngineHarness> {
  const db = await testDatabase();
  const clock = fakeClock();
  const orgId = 'org_test';
  const userId = 'user_test';
  await db.database.engine.query(`insert into orgs (id, name) values ($1, 'Test')`, [orgId]);
  await db.database.engine.query(`insert into users (id, email, name, password_hash, is_super_admin) values ($1, 'test@example.org', 'Test', 'x', true)`, [
    userId,
  ]);
  await db.database.engine.query(`insert into members (org_id, user_id, role) values ($1, $2, 'admin')`, [orgId, userId]);
  const secrets = new Map<string, string>();
  const woken: string[] = [];
  const cancelled: string[] = [];
  const engines: Engine[] = [];
  const types = (extra: readonly NodeType[]): NodeTypes => new Map([...nodeTypes, ...extra.map((type) => [type.type, type] as const)]);

  const kept = new Map<string, string>();
  const large = {
    keep: async (value: { readonly text: string }) => {
      const sha256 = createHash('sha256').update(value.text).digest('hex');
      kept.set(sha256, value.text);
      return { id: newId('art'), bytes: Buffer.byteLength(value.text), sha256 };
    },
    share: async ({ sha256, bytes }: { readonly sha256: string; readonly bytes: number }) => ({ id: newId('art'), sha256, bytes }),
    read: async (value: { readonly sha256: string }) => kept.get(value.sha256) ?? '',
  };
  const unused = (): never => {
    throw new Error('not used in this test');
  };
  const boot = async (bootOptions: BootOptions = {}): Promise<Engine> => {
    const engine = createEngine({
      database: bootOptions.database ?? db.database,
      clock: bootOptions.clock ?? clock,
      log: options.log ?? silentLog,
      nodeTypes: types([...(options.types ?? []), ...(bootOptions.types ?? [])]),
      filesOf: unused,
      httpOf: () => options.http ?? { request: unused },
      sandbox: { run: unused },
      large,
      secrets: { read: async (_orgId, name) => secrets.get(name) },
      jobs: {
        wake: (queue) => void woken.push(queue),
        cancel: async (jobId) => void cancelled.push(jobId),
      },
      neverRuns: (resources) => options.neverRuns?.(resources),
      isAlone: bootOptions.isAlone ?? true,
      random: () => 0,
      ...(options.flightRecorder === undefined ? {} : { flightRecorder: options.flightRecorder() }),
    });
    engines.push(engine);
    // Before it starts: a crash while starting is its own.
    harness.engine = engine;
    await engine.start();
    return engine;
  };

  const harness: EngineHarness = {
    db,
    clock,
    orgId,
    userId,
    secrets,
    woken,
    cancelled,
    engine: undefined as unknown as Engine,
    boot,
    async takeOver() {
      harness.engine.crash();
      await boot();
    },
    publish: (definition) =>
      harness.engine.createWorkflow({
        id: newId('wf'),
        orgId,
        userId,
        role: 'super_admin',
        requestId: 'req_test',
        name: 'Test',
        definition: { nodes: [], edges: [], ...definition },
      }),
    async start(workflowId, input) {
      return (await harness.engine.startInstance({ orgId, workflowId, input, startedBy: 'manual', requestId: 'req_test' })).id;
    },
    async startWaiting(definition, path = 'wait') {
      const id = await harness.start(await harness.publish(definition));
      await harness.until(async () => (await harness.steps(id))[path]?.status === 'waiting', `${path} waits`);
      return id;
    },
    async run(definition, input) {
      const id = await harness.start(await harness.publish(definition), input);
      return { id, instance: await harness.ended(id), steps: await harness.steps(id) };
    },
    async ended(id) {
      await harness.until(async () => ['completed', 'failed', 'cancelled'].includes((await harness.instance(id)).status), `${id} ends`);
      return harness.instance(id);
    },
    async instance(id) {
      const instance = await readInstance(db.database.engine, { orgId, id, cursor: '0.0' });
      if (instance === undefined) throw new Error(`no instance ${id}`);
      return instance;
    },
    async steps(id) {
      const steps = await listSteps(db.database.engine, { orgId, instanceId: id, after: 0, limit: 5_000 });
      return Object.fromEntries(steps.map((step) => [step.path, step]));
    },
    async until(done, what = 'a condition') {
      // Bounded by turns, not by a clock: each turn lets the database answer.
      for (let turn = 0; turn < 3_000; turn++) {
        if (await done()) return;
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (turn % 5 === 4) await clock.advance(0);
      }
      throw new Error(`still waiting: ${what}`);
    },
    async events(id) {
      const { rows } = await db.database.engine.query<{ sequence: number; type: string; payload: string }>(
        `select sequence, type, payload from outbox where kind = 'instance' and id = $1 order by sequence, position`,
        [id],
      );
      return rows.map((row) => ({ sequence: row.sequence, type: row.type, payload: JSON.parse(row.payload) as Record<string, Json> }));
    },
    async endJob(jobId, end) {
      await db.database.engine.query(`update jobs set status = $2, result = $3, reason = $4, ended_at = now() where id = $1`, [
        jobId,
        end.status,
        end.result === undefined ? null : JSON.stringify(end.result),
        end.reason ?? null,
      ]);
      harness.engine.onJobEnded(jobId);
    },
    async close() {
      for (const engine of engines) await engine.stop();
      await db.close();
    },
  };
  await boot();
  return harness;
}
