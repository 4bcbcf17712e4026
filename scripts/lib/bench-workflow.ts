/** Submit to finish of a 3-step workflow over HTTP, beside bare commits of one row on a PostgreSQL with the same durability, in turns. */
import { Agent, request } from 'node:http';
import pg from 'pg';
import { startTestServer } from '../../src/test/postgres.ts';
import { claimStudio, createStudio } from '../../src/test/studio-process.ts';
import type { Measure } from './bench-table.ts';

const SAMPLES = 100;
const steps = ['a', 'b', 'c'];
const workflow = {
  name: 'three steps',
  // With an effect each step is recorded before the next one starts.
  nodes: steps.map((key) => ({ key, type: 'noop', params: { effect: true, output: { ok: true } } })),
  edges: [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'c' },
  ],
};

export async function measureWorkflow(runs: number): Promise<readonly Measure[]> {
  const studio = await createStudio();
  const durable = await startTestServer({ settings: { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' } });
  const bare = new pg.Client(durable.admin);
  try {
    await studio.start();
    const client = await claimStudio(studio);
    const { id } = await client.expect(201, 'POST', '/api/v1/workflows', workflow);
    await bare.connect();
    await bare.query('create table bench (id bigint generated always as identity primary key, value text not null)');
    const run = keepAlive(studio.url, client.token ?? '', `/api/v1/workflows/${String(id)}/instances?wait=30`);
    const commit = async (): Promise<void> => void (await bare.query('insert into bench (value) values ($1)', ['x']));
    await sample(run, 50);
    await sample(commit, 50);
    const figures = { run50: [] as number[], run99: [] as number[], commit50: [] as number[], ratio: [] as number[] };
    for (let turn = 0; turn < runs; turn++) {
      const commits = await sample(commit, SAMPLES);
      const instances = await sample(run, SAMPLES);
      figures.run50.push(at(instances, 0.5));
      figures.run99.push(at(instances, 0.99));
      figures.commit50.push(at(commits, 0.5));
      figures.ratio.push(at(instances, 0.5) / at(commits, 0.5));
    }
    return [
      { name: 'submit → finish of 3 steps, p50', unit: 'ms', values: figures.run50, peers: 'of 10 steps: n8n 26, DBOS 37' },
      { name: 'submit → finish of 3 steps, p99', unit: 'ms', values: figures.run99 },
      { name: 'bare commit of one row, p50', unit: 'ms', values: figures.commit50 },
      { name: 'submit → finish ÷ bare commit', unit: '×', values: figures.ratio },
    ];
  } finally {
    await bare.end();
    await durable.stop();
    await studio.destroy();
  }
}

/** One POST over one kept connection. @throws unless the instance ended well */
function keepAlive(url: string, token: string, path: string): () => Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return () =>
    new Promise((resolve, reject) => {
      const call = request(`${url}${path}`, { agent, method: 'POST', headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () =>
          response.statusCode === 200 && text.includes('"status":"completed"') ? resolve() : reject(new Error(`${response.statusCode} ${text}`)),
        );
      });
      call.once('error', reject);
      call.end('{"input":{}}');
    });
}

async function sample(work: () => Promise<void>, count: number): Promise<number[]> {
  const times: number[] = [];
  // Serial: the latency of one alone is what is measured.
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  return times.toSorted((a, b) => a - b);
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
