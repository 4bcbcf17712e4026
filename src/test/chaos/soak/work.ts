/** The mixed work of a soak: runs, jobs and who follows their logs, live sockets, uploads and reads, at a pace that a small machine holds for hours.
 *  Everything acknowledged is looked at again and then forgotten, so that the soak itself does not grow. */
import { createHash, randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { asObject, itemsOf, type ApiClient } from '../../api-client.ts';
import { pause } from '../hands.ts';

export interface SoakCounts {
  runs: number;
  jobs: number;
  logBytes: number;
  sockets: number;
  frames: number;
  uploads: number;
  reads: number;
}

export interface SoakWork {
  readonly counts: Readonly<SoakCounts>;
  readonly faults: readonly string[];
  /** How long each submit since the last call took, ms. */
  takeSubmitMs(): number[];
  /** Ends the lanes; what was acknowledged has ended, and every socket is closed. */
  stop(): Promise<void>;
}

/** Parts of an ordinary day: steps that pass data, a map, a pause, a process, a try that fails first. */
const WORKFLOWS: readonly { readonly name: string; readonly nodes: readonly object[]; readonly edges: readonly object[] }[] = [
  {
    name: 'soak: steps',
    nodes: [
      { key: 'a', type: 'set', params: { values: { n: '{{ input.n }}', text: 'x'.repeat(2_000) } } },
      { key: 'b', type: 'branch.if', params: { condition: 'input.n % 2 = 0' } },
      { key: 'even', type: 'log', params: { message: '{{ input.n }}' } },
      { key: 'odd', type: 'template', params: { text: '{{ input.n }} is odd' } },
    ],
    edges: [
      { from: 'a', to: 'b' },
      { from: 'b.true', to: 'even' },
      { from: 'b.false', to: 'odd' },
    ],
  },
  {
    name: 'soak: map',
    nodes: [{ key: 'each', type: 'map', params: { items: '{{ [1..20] }}', body: { nodes: [{ key: 'one', type: 'noop' }], edges: [] } } }],
    edges: [],
  },
  {
    name: 'soak: pause and process',
    nodes: [
      { key: 'rest', type: 'wait.timer', params: { durationMs: 1_500 } },
      { key: 'run', type: 'command', params: { command: ['sh', '-c', 'echo {{ input.n }}; date'] } },
    ],
    edges: [{ from: 'rest', to: 'run' }],
  },
];

const EVERY_MS = { run: 1_000, job: 8_000, upload: 2_000, read: 1_500 } as const;
const SOCKETS = 4;
const SOCKET_LIFE_MS = [3_000, 30_000] as const;
const JOB_LINES = 2_000;
const FILE_BYTES = 150_000;
const KEPT_FILES = 20;
const END_MS = 240_000;
const FAULTS = 100;

export async function startSoakWork(client: ApiClient): Promise<SoakWork> {
  const counts: SoakCounts = { runs: 0, jobs: 0, logBytes: 0, sockets: 0, frames: 0, uploads: 0, reads: 0 };
  const faults: string[] = [];
  const ending = new AbortController();
  const underWay = new Set<Promise<void>>();
  let submitMs: number[] = [];
  const fault = (error: unknown): void => void (faults.length < FAULTS && faults.push(error instanceof Error ? error.message : String(error)));
  const begin = (work: Promise<void>): void => {
    const done = work.catch(fault).finally(() => underWay.delete(done));
    underWay.add(done);
  };
  const workflows: string[] = [];
  for (const workflow of WORKFLOWS) workflows.push(String((await client.expect(201, 'POST', '/api/v1/workflows', workflow))['id']));
  const orgId = String((await client.expect(200, 'GET', '/api/v1/users/me'))['orgId']);

  /** Begins `work` again and again, whether the one before has ended or not. */
  const lane = async (everyMs: number, work: (n: number) => Promise<void>): Promise<void> => {
    for (let n = 0; !ending.signal.aborted; n++) {
      begin(work(n));
      await rest(everyMs * (0.5 + Math.random()), ending.signal);
    }
  };
  const lanes = [
    lane(EVERY_MS.run, async (n) => {
      const startedMs = performance.now();
      const id = String((await client.expect(201, 'POST', `/api/v1/workflows/${workflows[n % workflows.length]}/instances`, { input: { n } }))['id']);
      submitMs.push(performance.now() - startedMs);
      await untilCompleted(client, `/api/v1/instances/${id}`);
      counts.runs += 1;
      // Half of them are deleted, as a retention does.
      if (n % 2 === 0) await client.expect(204, 'DELETE', `/api/v1/instances/${id}`);
    }),
    lane(EVERY_MS.job, async () => {
      const script = `i=0; while [ $i -lt ${JOB_LINES} ]; do i=$((i+1)); echo "line $i of a job that says much the same thing each time"; done; sleep 2; echo last`;
      const id = String(asObject((await client.expect(201, 'POST', '/api/v1/jobs', { script }))['job'])['id']);
      // Followed from the first moment, to its end.
      const { text } = await client.call('GET', `/api/v1/jobs/${id}/log?follow=true`, { timeoutMs: END_MS });
      if (!text.endsWith('last\n') || text.split('\n').length !== JOB_LINES + 2) fault(`the log of ${id} came as ${text.length} bytes: ${text.slice(-80)}`);
      counts.logBytes += text.length;
      await untilCompleted(client, `/api/v1/jobs/${id}`);
      counts.jobs += 1;
    }),
    lane(EVERY_MS.upload, async (n) => {
      const body = randomBytes(FILE_BYTES);
      const path = `/api/v1/files/soak/${n % KEPT_FILES}-${n}.bin`;
      await client.expect(200, 'PUT', path, body);
      const found = (await client.expect(200, 'GET', `${path}?meta=true`).catch(() => undefined))?.['sha256'];
      const sha256 = createHash('sha256').update(body).digest('hex');
      if (found !== undefined && found !== sha256) fault(`${path} has sha256 ${String(found)}, not ${sha256}`);
      await client.call('DELETE', path);
      counts.uploads += 1;
    }),
    lane(EVERY_MS.read, async (n) => {
      const paths = ['/api/v1/instances?limit=50', '/api/v1/jobs?limit=50', '/api/v1/infrastructure/health', '/api/v1/system/metrics?minutes=60', '/'];
      const reply = await client.call('GET', paths[n % paths.length] ?? '/');
      if (reply.status !== 200) fault(`GET ${paths[n % paths.length]} answered ${reply.status}`);
      counts.reads += 1;
    }),
    ...Array.from({ length: SOCKETS }, async () => {
      while (!ending.signal.aborted) await watchLive(client, orgId, { counts, signal: ending.signal }).catch(fault);
    }),
  ];
  return {
    counts,
    faults,
    takeSubmitMs() {
      const taken = submitMs;
      submitMs = [];
      return taken;
    },
    async stop() {
      ending.abort();
      await Promise.all(lanes);
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

async function untilCompleted(client: ApiClient, path: string): Promise<void> {
  const deadline = performance.now() + END_MS;
  for (;;) {
    const { status } = await client.expect(200, 'GET', path);
    if (status === 'completed') return;
    if (['failed', 'cancelled', 'dead'].includes(String(status))) throw new Error(`${path} is ${String(status)}`);
    if (performance.now() > deadline) throw new Error(`${path} is still ${String(status)} after ${END_MS} ms`);
    await pause(500);
  }
}

/** One live connection: hears what its org does for a while, then goes, mostly without a word. */
async function watchLive(client: ApiClient, orgId: string, parts: { readonly counts: SoakCounts; readonly signal: AbortSignal }): Promise<void> {
  const { port } = new URL(client.url);
  const ws = new WebSocket(`ws://127.0.0.1:${port}/api/v1/realtime`, ['studio.v1', `Bearer.${client.token ?? ''}`], { perMessageDeflate: false });
  const closed = new Promise<void>((resolve) => ws.once('close', () => resolve()));
  let refusal: Error | undefined;
  ws.on('error', (error) => (refusal = error));
  ws.on('message', () => (parts.counts.frames += 1));
  ws.once('open', () => ws.send(JSON.stringify({ type: 'subscribe', id: 's', rooms: [`org:${orgId}`, 'system'] })));
  const [from, to] = SOCKET_LIFE_MS;
  await Promise.race([closed, rest(from + Math.random() * (to - from), parts.signal)]);
  if (Math.random() < 0.3) ws.close();
  else ws.terminate();
  await closed;
  if (refusal !== undefined && !parts.signal.aborted) throw new Error(`a live connection failed: ${refusal.message}`, { cause: refusal });
  parts.counts.sockets += 1;
}

/** Waits, and no longer than until the end. */
function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}

/** How many instances, by the list's own word, still go on. */
export async function countLive(client: ApiClient): Promise<number> {
  return itemsOf(await client.expect(200, 'GET', '/api/v1/instances?status=pending,running,waiting,paused&limit=10')).length;
}
