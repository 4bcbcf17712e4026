/** What traces cost: the engine alone in this process, with nobody told, with spans made and sent to a collector beside, and with one that never answers.
 *  The three take turns in the same run, so that a busy machine touches them alike; what counts is the ratio. Options: --runs 5 --count 500 --json */
import { parseArgs } from 'node:util';
import { createEngine, type Engine } from '../../src/engine/engine.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { nodeTypes } from '../../src/nodes/index.ts';
import { silentLog, testDatabase, urlOf } from '../../src/test/database.ts';
import { otlpReceiver, type OtlpReceiver } from '../../src/test/otlp-receiver.ts';
import { startTestServer } from '../../src/test/postgres.ts';
import type { TracingSettings } from '../../src/tracing/settings.ts';
import { createTracing, type Tracing } from '../../src/tracing/tracing.ts';
import { timed } from './bench-engine-rig.ts';
import { effect } from './bench-engine-work.ts';
import { tableOf } from './bench-table.ts';

const { values: options } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, count: { type: 'string', default: '500' }, json: { type: 'boolean' } },
});
const runs = Number(options.runs);
const count = Number(options.count);
const ORG = 'org_bench';
const STEPS = 10;
const LIMIT_MS = 120_000;

const server = await startTestServer({ settings: { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' } });
process.env['STUDIO_TEST_POSTGRES'] = urlOf(server.admin);
const db = await testDatabase();
await db.database.engine.query(`insert into orgs (id, name) values ($1, 'Bench')`, [ORG]);
const [answering, silent] = await Promise.all([otlpReceiver(), otlpReceiver()]);
silent.status = 0;
const tracings = { answering: tracingTo(answering), silent: tracingTo(silent) };
let told: Tracing | undefined;
const engine = createBenchEngine();
await engine.start();
const nodes = Array.from({ length: STEPS }, (_, index) => effect(`s${index}`));
const edges = nodes.slice(1).map((node, index) => ({ from: `s${index}`, to: node.key }));
const base = { orgId: ORG, requestId: 'req_bench' };
const made = { id: newId('wf'), userId: 'user_bench', role: 'admin', name: 'Bench', definition: { nodes, edges } } as const;
const workflowId = await engine.createWorkflow({ ...base, ...made });

async function batch(): Promise<void> {
  const inputs = Array.from({ length: count }, () => ({}));
  const ids = await engine.startBatch({ ...base, workflowId, startedBy: 'manual', inputs });
  await Promise.all(ids.map((id) => engine.waitEnded(id, LIMIT_MS, AbortSignal.timeout(LIMIT_MS))));
}

/** Steps a second, and CPU of this process a step, in µs. */
async function measure(tracing: Tracing | undefined): Promise<{ readonly rate: number; readonly cpuUs: number }> {
  told = tracing;
  const before = process.cpuUsage();
  const ms = await timed(batch);
  const { user, system } = process.cpuUsage(before);
  return { rate: (count * STEPS * 1_000) / ms, cpuUs: (user + system) / (count * STEPS) };
}

await measure(undefined);
const ways = { off: undefined, 'collector answers': tracings.answering, 'collector is silent': tracings.silent };
const figures = new Map(Object.keys(ways).map((name) => [name, { rate: [] as number[], cpuUs: [] as number[] }]));
for (let run = 0; run < runs; run++) {
  for (const [name, tracing] of Object.entries(ways)) {
    // Serial: they would disturb each other.
    const { rate, cpuUs } = await measure(tracing);
    figures.get(name)?.rate.push(rate);
    figures.get(name)?.cpuUs.push(cpuUs);
  }
}
const measures = [...figures].flatMap(([name, { rate, cpuUs }]) => [
  { name: `${name}: ${count} × ${STEPS} steps`, unit: 'steps/s', values: rate },
  { name: `${name}: CPU a step`, unit: 'µs', values: cpuUs },
]);
process.stdout.write(options.json === true ? `${JSON.stringify(measures, null, 2)}\n` : tableOf(measures));
for (const [name, tracing] of Object.entries(tracings)) process.stdout.write(`${name}: ${JSON.stringify(tracing.figures())}\n`);
await engine.stop();
await Promise.all(Object.values(tracings).map((tracing) => tracing.stop()));
await db.close();
await server.stop();
process.exit(0);

function tracingTo({ url }: OtlpReceiver): Tracing {
  const settings: TracingSettings = {
    ...{ url: `${url}/v1/traces`, headers: {}, protocol: 'http/protobuf', serviceName: 'studio', attributes: {}, delayMs: 2_000, maxQueued: 8_192 },
    sampler: { root: 'always_on', isParentBased: true, ratio: 1 },
  };
  return createTracing({ settings, version: '0', instanceId: 'bench', clock: systemClock, log: silentLog });
}

function createBenchEngine(): Engine {
  const unused = (): never => {
    throw new Error('not used here');
  };
  return createEngine({
    ...{ database: db.database, clock: systemClock, log: silentLog, nodeTypes, filesOf: unused, httpOf: unused, isAlone: true },
    sandbox: { run: unused },
    large: { keep: unused, share: unused, read: unused },
    secrets: { read: async () => undefined },
    jobs: { wake: () => undefined, cancel: async () => undefined },
    observe: (commit) => told?.instances.committed(commit),
  });
}
