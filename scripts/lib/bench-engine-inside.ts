/** The engine alone in this process, on a durable PostgreSQL of its own: what HTTP, the queues and the rest of Studio add is not in these figures. */
import { createEngine } from '../../src/engine/engine.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { nodeTypes } from '../../src/nodes/index.ts';
import { silentLog, testDatabase, urlOf } from '../../src/test/database.ts';
import { startTestServer } from '../../src/test/postgres.ts';
import { effect } from './bench-engine-work.ts';
import { quantile, timed } from './bench-engine-rig.ts';
import type { Measure } from './bench-table.ts';

const ORG = 'org_bench';
const LIMIT_MS = 120_000;

export async function measureInside(runs: number, count: number): Promise<readonly Measure[]> {
  const server = await startTestServer({ settings: { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' } });
  process.env['STUDIO_TEST_POSTGRES'] = urlOf(server.admin);
  const db = await testDatabase();
  const unused = (): never => {
    throw new Error('not used here');
  };
  const engine = createEngine({
    database: db.database,
    clock: systemClock,
    log: silentLog,
    nodeTypes,
    filesOf: unused,
    httpOf: unused,
    sandbox: { run: unused },
    large: { keep: unused, share: unused, read: unused },
    secrets: { read: async () => undefined },
    jobs: { wake: () => undefined, cancel: async () => undefined },
    isAlone: true,
  });
  try {
    await db.database.engine.query(`insert into orgs (id, name) values ($1, 'Bench')`, [ORG]);
    await engine.start();
    const nodes = Array.from({ length: 10 }, (_, index) => effect(`s${index}`));
    const edges = nodes.slice(1).map((node, index) => ({ from: `s${index}`, to: node.key }));
    const base = { orgId: ORG, requestId: 'req_bench' };
    const workflowId = await engine.createWorkflow({
      ...base,
      id: newId('wf'),
      userId: 'user_bench',
      role: 'admin',
      name: 'Bench',
      definition: { nodes, edges },
    });
    const request = { ...base, workflowId, startedBy: 'manual' };
    const ended = (id: string): Promise<boolean> => engine.waitEnded(id, LIMIT_MS, AbortSignal.timeout(LIMIT_MS));
    const batch = async (): Promise<void> => {
      const ids = await engine.startBatch({ ...request, inputs: Array.from({ length: count }, () => ({})) });
      await Promise.all(ids.map(ended));
    };
    const one = async (): Promise<void> => void (await ended((await engine.startInstance({ ...request, input: {} })).id));
    await batch();
    const figures = { rate: [] as number[], alone: [] as number[] };
    for (let run = 0; run < runs; run++) {
      figures.rate.push((count * 10_000) / (await timed(batch)));
      const times: number[] = [];
      for (let index = 0; index < 30; index++) times.push(await timed(one));
      figures.alone.push(quantile(times, 0.5));
    }
    return [
      { name: `inside: ${count} × 10 steps`, unit: 'steps/s', values: figures.rate },
      { name: 'inside: 10 steps alone, p50', unit: 'ms', values: figures.alone },
    ];
  } finally {
    await engine.stop();
    await db.close();
    await server.stop();
  }
}
