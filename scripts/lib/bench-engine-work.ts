/** The engine at work through the public API: one instance alone, many at once, a fan-out with its join, and how fast an idle queue picks a job up.
 *  Each beside the floor of the same minute. */
import type { Json } from '../../src/contract/endpoint.ts';
import { connectLive } from '../../src/test/live.ts';
import type { Floor } from './bench-engine-floor.ts';
import { countWork, quantile, timed, type Rig, type Usage } from './bench-engine-rig.ts';
import type { Measure } from './bench-table.ts';

/** Its result is durable before anything after it starts. */
export function effect(key: string, output: Json = { ok: true }): { key: string; type: string; params: Record<string, Json> } {
  return { key, type: 'noop', params: { effect: true, output } };
}

/** @returns the id of a workflow of so many durable steps in a row */
export async function publishChain(rig: Rig, length: number, output?: Json): Promise<string> {
  const nodes = Array.from({ length }, (_, index) => effect(`s${index}`, output));
  const edges = nodes.slice(1).map((node, index) => ({ from: `s${index}`, to: node.key }));
  return publish(rig, `chain of ${length}`, { nodes, edges });
}

export async function publish(rig: Rig, name: string, definition: Record<string, unknown>): Promise<string> {
  return String((await rig.client.expect(201, 'POST', '/api/v1/workflows', { name, ...definition }))['id']);
}

/** Runs one instance to its end over HTTP. @returns ms */
export async function runOne(rig: Rig, workflowId: string, input: unknown = {}): Promise<number> {
  return timed(async () => {
    const instance = await rig.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=60`, { input });
    if (instance['status'] !== 'completed') throw new Error(`the instance is ${String(instance['status'])}: ${JSON.stringify(instance['error'])}`);
  });
}

/** Starts many in one call and waits until none is live. @returns ms */
export async function runBatch(rig: Rig, workflowId: string, count: number): Promise<number> {
  const inputs = Array.from({ length: count }, (_, id) => ({ id }));
  return timed(async () => {
    await rig.call('POST', `/api/v1/workflows/${workflowId}/instances/batch`, { inputs });
    await untilEnded(rig, workflowId);
  });
}

async function untilEnded(rig: Rig, workflowId: string): Promise<void> {
  for (;;) {
    const page = await rig.call('GET', `/api/v1/instances?workflowId=${workflowId}&status=pending,running&limit=1`);
    if (Array.isArray(page['items']) && page['items'].length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Ten durable steps, nobody else there. */
export async function measureAlone(rig: Rig, floor: Floor, runs: number, samples: number): Promise<readonly Measure[]> {
  const workflowId = await publishChain(rig, 10);
  for (let index = 0; index < 50; index++) await runOne(rig, workflowId);
  await floor.commits(200);
  const figures = { p50: [] as number[], p99: [] as number[], floor: [] as number[], ratio: [] as number[] };
  for (let run = 0; run < runs; run++) {
    const alone: number[] = [];
    const commits: number[] = [];
    // In turns: what else the machine does meets both.
    for (let index = 0; index < samples; index++) {
      alone.push(await runOne(rig, workflowId));
      commits.push(await floor.commits(11));
    }
    figures.p50.push(quantile(alone, 0.5));
    figures.p99.push(quantile(alone, 0.99));
    figures.floor.push(quantile(commits, 0.5));
    figures.ratio.push(quantile(alone, 0.5) / quantile(commits, 0.5));
  }
  return [
    { name: '10 steps alone over HTTP, p50', unit: 'ms', values: figures.p50, peers: 'Restate 24, n8n 26, DBOS 35' },
    { name: '10 steps alone over HTTP, p99', unit: 'ms', values: figures.p99 },
    { name: '11 bare commits in a row, p50', unit: 'ms', values: figures.floor },
    { name: '10 steps alone ÷ 11 bare commits', unit: '×', values: figures.ratio, target: '≤ 2.3' },
  ];
}

/** Many instances of ten durable steps through the batch API. */
export async function measureBatch(rig: Rig, floor: Floor, runs: number, count: number): Promise<readonly Measure[]> {
  const workflowId = await publishChain(rig, 10);
  for (let index = 0; index < 3; index++) await runBatch(rig, workflowId, count);
  // As autovacuum does within the first minute: until then the planner knows nothing of tables that were empty just now.
  await rig.sql.query('analyze');
  const figures: Record<'rate' | 'perCommit' | 'wal' | 'node' | 'postgres' | 'cpu' | 'delay' | 'rows' | 'share', number[]> = {
    rate: [],
    perCommit: [],
    wal: [],
    node: [],
    postgres: [],
    cpu: [],
    delay: [],
    rows: [],
    share: [],
  };
  for (let run = 0; run < runs; run++) {
    const before = await rig.usage();
    const ms = await runBatch(rig, workflowId, count);
    const after = await rig.usage();
    const { steps, commits } = await countWork(rig, before, after);
    const rows = await floor.rows(Math.max(1, Math.round(steps / commits)), 1_000);
    figures.rate.push((steps / ms) * 1_000);
    figures.perCommit.push(steps / commits);
    figures.wal.push((after.walBytes - before.walBytes) / steps);
    figures.node.push(perThousand(before.nodeS, after.nodeS, steps));
    figures.postgres.push(perThousand(before.postgresS, after.postgresS, steps));
    figures.cpu.push(cpuMs(before, after) / steps);
    figures.delay.push(after.loopDelayP99Ms);
    figures.rows.push(rows);
    figures.share.push(((steps / ms) * 1_000) / rows);
  }
  return [
    {
      name: `${count} × 10 steps through the batch API`,
      unit: 'steps/s',
      values: figures.rate,
      target: '≥ 25000',
      peers: 'BullMQ 4200, Restate 3050, DBOS 720',
    },
    { name: '  CPU a step, Node and PostgreSQL', unit: 'ms', values: figures.cpu, target: '≤ 0.07', peers: 'Restate 0.5, absurd 1.6, DBOS 2.2' },
    { name: '  of which Node, of 1,000 steps', unit: 's', values: figures.node },
    { name: '  of which PostgreSQL, of 1,000 steps', unit: 's', values: figures.postgres },
    { name: '  steps a commit', unit: '', values: figures.perCommit },
    { name: '  WAL a step', unit: 'bytes', values: figures.wal },
    { name: '  event loop delay p99', unit: 'ms', values: figures.delay },
    { name: '  bare rows/s in commits of that size', unit: 'rows/s', values: figures.rows },
    { name: '  steps ÷ bare rows', unit: '×', values: figures.share },
  ];
}

function perThousand(before: number, after: number, steps: number): number {
  return ((after - before) / steps) * 1_000;
}

export function cpuMs(before: Usage, after: Usage): number {
  return (after.nodeS - before.nodeS + after.postgresS - before.postgresS) * 1_000;
}

/** One instance: so many durable steps at once, then a join. */
export async function measureFan(rig: Rig, floor: Floor, runs: number, width: number): Promise<readonly Measure[]> {
  const branches = Array.from({ length: width }, (_, index) => effect(`b${index}`));
  const workflowId = await publish(rig, `fan of ${width}`, {
    nodes: [effect('start'), ...branches, effect('join')],
    edges: branches.flatMap(({ key }) => [
      { from: 'start', to: key },
      { from: key, to: 'join' },
    ]),
    settings: { maxConcurrentSteps: width },
  });
  const mapId = await publish(rig, `map of ${width}`, {
    nodes: [
      { key: 'fan', type: 'map', params: { items: '{{ input.items }}', concurrency: width, body: { nodes: [effect('one')], edges: [] } } },
      effect('join'),
    ],
    edges: [{ from: 'fan', to: 'join' }],
  }).catch(() => undefined);
  const input = { items: Array.from({ length: width }, (_, index) => index) };
  await runOne(rig, workflowId);
  if (mapId !== undefined) await runOne(rig, mapId, input);
  const figures = { nodes: [] as number[], map: [] as number[], commits: [] as number[] };
  for (let run = 0; run < runs; run++) {
    const ms = await runOne(rig, workflowId);
    figures.nodes.push(ms / 1_000);
    if (mapId !== undefined) figures.map.push((await runOne(rig, mapId, input)) / 1_000);
    figures.commits.push(ms / ((await floor.commits(11)) / 11));
  }
  const peers = 'BullMQ 0.5, openworkflow 1.7, Restate 1.9, DBOS 2.2';
  return [
    ...(mapId === undefined ? [] : [{ name: `map over ${width} items and a join`, unit: 's', values: figures.map, target: '≤ 0.2', peers }]),
    { name: `${width} nodes at once and a join`, unit: 's', values: figures.nodes, target: '≤ 0.2', peers },
    { name: '  in bare commits', unit: '×', values: figures.commits },
  ];
}

/** From the call to the claim that a listener hears of, and to the job's own first word, on a queue where nothing happens. */
export async function measurePickUp(rig: Rig, floor: Floor, samples: number): Promise<readonly Measure[]> {
  const live = await connectLive(Number(new URL(rig.studio.url).port), { token: rig.client.token ?? null });
  const { rows } = await rig.sql.query<{ id: string }>('select id from orgs limit 1');
  await live.subscribe([`org:${rows[0]?.id ?? ''}`]);
  const heard: number[] = [];
  const answered: number[] = [];
  const ids: string[] = [];
  const commits: number[] = [];
  for (let index = 0; index < samples; index++) {
    const seen = live.events.length;
    const started = new Promise<number>((resolve) => {
      const look = (): void => {
        if (!live.events.slice(seen).some((event) => event.event_type === 'jobs:job:started')) return;
        live.ws.off('message', look);
        resolve(performance.now());
      };
      live.ws.on('message', look);
    });
    const sentAt = performance.now();
    const answer = rig.call('POST', '/api/v1/jobs', { command: ['date', '+%s%N'] }).then(({ ids: made }) => {
      answered.push(performance.now() - sentAt);
      ids.push(...(made as string[]));
    });
    heard.push((await started) - sentAt);
    await answer;
    commits.push((await floor.commits(11)) / 11);
    // The queue rests: the end of the one before is over.
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await live.close();
  const { rows: kept } = await rig.sql.query<{ id: string; madeMs: number; startedMs: number }>(
    `select id, extract(epoch from created_at)::float8 * 1000 as "madeMs", extract(epoch from started_at)::float8 * 1000 as "startedMs" from jobs where id = any($1)`,
    [ids],
  );
  const spoke: number[] = [];
  for (const { id, madeMs } of kept) {
    const nanoseconds = /(\d{19})/.exec((await rig.client.call('GET', `/api/v1/jobs/${id}/log`)).text)?.[1];
    if (nanoseconds !== undefined) spoke.push(Number(BigInt(nanoseconds) / 1_000n) / 1_000 - madeMs);
  }
  return [
    { name: 'idle queue: call → listener hears "started", p50', unit: 'ms', values: [quantile(heard, 0.5)], peers: 'BullMQ 2.3, graphile-worker 4' },
    { name: 'idle queue: call → listener hears "started", p99', unit: 'ms', values: [quantile(heard, 0.99)] },
    { name: 'idle queue: row made → claimed', unit: 'ms', values: kept.map((row) => row.startedMs - row.madeMs), target: '≤ 3' },
    { name: 'idle queue: row made → the process speaks, p50', unit: 'ms', values: [quantile(spoke, 0.5)] },
    { name: 'idle queue: call → answer, p50', unit: 'ms', values: [quantile(answered, 0.5)] },
    { name: '  started ÷ bare commit', unit: '×', values: [quantile(heard, 0.5) / quantile(commits, 0.5)] },
  ];
}
