/** Jobs on a built Studio, measured from outside: from the request to the process, from one job to the next, and what a job that writes 100 MB/s of log
 *  costs everybody else. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { asObject, type ApiClient } from '../../src/test/api-client.ts';
import { claimStudio, createStudio, type Studio } from '../../src/test/studio-process.ts';
import type { Measure } from './bench-table.ts';

const SUBMITS = 40;
const CHAIN = 40;
const LOG_SECONDS = 10;
const LOG_MB_PER_S = 100;
/** A request every so often, whether the one before was answered or not. */
const REQUEST_EVERY_MS = 10;

export async function measureJobs(runs: number): Promise<readonly Measure[]> {
  const studio = await createStudio();
  try {
    await studio.start();
    const client = await claimStudio(studio);
    const starts = await measureSubmits(client, runs);
    const gaps = await measureGaps(client, runs);
    const log = await measureLog(studio, client);
    return [
      { name: 'submit → process, p50', unit: 'ms', values: [at(starts, 0.5)], target: '15' },
      { name: 'submit → process, p99', unit: 'ms', values: [at(starts, 0.99)], target: '50' },
      { name: 'gap between jobs on one slot, p50', unit: 'ms', values: [at(gaps, 0.5)], target: '30' },
      { name: 'gap between jobs on one slot, p99', unit: 'ms', values: [at(gaps, 0.99)] },
      ...log,
    ];
  } finally {
    await studio.destroy();
  }
}

/** A job's first act is to say what time it is; the clock is the machine's, as ours. */
async function measureSubmits(client: ApiClient, runs: number): Promise<number[]> {
  const taken: number[] = [];
  for (let run = 0; run < runs * SUBMITS; run++) {
    const sentAt = performance.timeOrigin + performance.now();
    const made = await client.expect(201, 'POST', '/api/v1/jobs', { command: ['date', '+%s.%N'] });
    const text = await logOf(client, String(asObject(made['job'])['id']));
    taken.push(Number(text) * 1_000 - sentAt);
  }
  // The first ones warm what a Studio that just started has not done yet.
  return taken.slice(5);
}

async function measureGaps(client: ApiClient, runs: number): Promise<number[]> {
  await client.expect(200, 'PATCH', '/api/v1/queues/chain', { slots: 1 });
  const gaps: number[] = [];
  for (let run = 0; run < runs; run++) {
    const made = await client.expect(201, 'POST', '/api/v1/jobs', { queue: 'chain', script: 'date +%s.%N; date +%s.%N', array: CHAIN });
    const times: number[][] = [];
    for (const id of made['ids'] as string[]) times.push((await logOf(client, id)).trim().split('\n').map(Number));
    const ordered = times.toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
    for (let index = 1; index < ordered.length; index++) gaps.push(((ordered[index]?.[0] ?? 0) - (ordered[index - 1]?.[1] ?? 0)) * 1_000);
  }
  return gaps;
}

const WRITER = `import sys, time
block = (b"x" * 99 + b"\\n") * 10000
begun = time.monotonic()
for i in range(${LOG_SECONDS * LOG_MB_PER_S}):
    sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    ahead = (i + 1) / ${LOG_MB_PER_S} - (time.monotonic() - begun)
    if ahead > 0:
        time.sleep(ahead)
`;

async function measureLog(studio: Studio, client: ApiClient): Promise<readonly Measure[]> {
  const alone = await askFor(client, LOG_SECONDS * 1_000);
  const before = residentMb(studio.pid());
  const made = await client.expect(201, 'POST', '/api/v1/jobs', { command: ['python3', '-c', WRITER] });
  const id = String(asObject(made['job'])['id']);
  const begunAt = performance.now();
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, residentMb(studio.pid()))), 200);
  const beside = await askFor(client, LOG_SECONDS * 1_000);
  for (;;) {
    const job = await client.expect(200, 'GET', `/api/v1/jobs/${id}`);
    if (job['endedAt'] !== null) break;
    await sleep(20);
  }
  const seconds = (performance.now() - begunAt) / 1_000;
  clearInterval(watch);
  return [
    { name: `log of a job carried over, of ${LOG_MB_PER_S} MB/s written`, unit: 'MB/s', values: [(LOG_SECONDS * LOG_MB_PER_S) / seconds] },
    { name: 'API p99 alone', unit: 'ms', values: [at(alone, 0.99)] },
    { name: 'API p99 beside that log', unit: 'ms', values: [at(beside, 0.99)], target: 'at most 20 more' },
    { name: 'memory of Studio: growth beside that log', unit: 'MiB', values: [most - before] },
  ];
}

/** How long a small read takes, asked at a steady pace. */
async function askFor(client: ApiClient, durationMs: number): Promise<number[]> {
  const taken: number[] = [];
  const asked: Promise<void>[] = [];
  const begunAt = performance.now();
  for (let due = begunAt; due < begunAt + durationMs; due += REQUEST_EVERY_MS) {
    await sleep(Math.max(0, due - performance.now()));
    asked.push(client.expect(200, 'GET', '/api/v1/users/me').then(() => void taken.push(performance.now() - due)));
  }
  await Promise.all(asked);
  return taken;
}

async function logOf(client: ApiClient, id: string): Promise<string> {
  const reply = await client.call('GET', `/api/v1/jobs/${id}/log?follow`);
  return reply.text;
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1_024;
}

function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
