/** The clock of the machine jumps, forwards and back, by hours, a month and ten years, while Studio works (PostgreSQL keeps its own clock, as a managed one
 *  elsewhere does). Nothing that runs may be stolen or lost, no scheduled time may fire twice, and nothing may stop.
 *  libfaketime moves the wall clock alone: the monotonic one goes on, as it does when an operator or NTP sets the time. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asObject, itemsOf, type ApiClient } from '../../api-client.ts';
import { claimStudio, createStudio, type Studio } from '../../studio-process.ts';
import { pause } from '../hands.ts';
import { randomOf } from '../random.ts';

export interface ClockReport {
  readonly jumps: number;
  readonly faults: readonly string[];
  readonly runs: number;
  readonly jobs: number;
  /** Scheduled times that were seen to fire. */
  readonly fires: number;
}

const LIBRARIES = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1'];
const HOUR_S = 3_600;
/** From the true time, seconds. */
const OFFSETS = [HOUR_S, -HOUR_S, 30 * 24 * HOUR_S, -10 * 365 * 24 * HOUR_S, 0, 90, -90];
const PATIENCE_MS = 90_000;

/** Why the clock can't be moved here; undefined when it can. */
export function noFakeTime(): string | undefined {
  return LIBRARIES.some((path) => existsSync(path)) ? undefined : 'needs libfaketime (Debian: libfaketime)';
}

/** @throws Error when Studio does not start */
export async function runClockJumps(campaign: {
  readonly jumps: number;
  readonly seed: number;
  readonly onLine: (line: string) => void;
}): Promise<ClockReport> {
  const folder = mkdtempSync(join(tmpdir(), 'studio-clock-'));
  const file = join(folder, 'offset');
  const set = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`);
  set(0);
  const library = LIBRARIES.find((path) => existsSync(path)) ?? '';
  const studio = await createStudio({ env: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', DONT_FAKE_MONOTONIC: '1' } });
  const random = randomOf(campaign.seed);
  const faults: string[] = [];
  const fires = new Map<string, Set<string>>();
  let [runs, jobs] = [0, 0];
  try {
    await studio.start();
    const stage = await prepare(studio, await claimStudio(studio));
    for (let jump = 1; jump <= campaign.jumps; jump++) {
      const offset = OFFSETS[Math.floor(random() * OFFSETS.length)] ?? 0;
      const bad = await jumpOnce(stage, { set: () => set(offset), fires }).catch((error: unknown) => [String(error)]);
      runs += 2;
      jobs += 1;
      faults.push(...bad.map((text) => `jump ${jump} to ${offset} s: ${text}`));
      campaign.onLine(`jump ${jump} of ${campaign.jumps} to ${offset} s: ${bad.length === 0 ? 'clean' : bad.join('; ')}`);
    }
    for (const [dueAt, ids] of fires) if (ids.size > 1) faults.push(`the time ${dueAt} fired ${ids.size} times`);
  } finally {
    await studio.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
  return { jumps: campaign.jumps, faults, runs, jobs, fires: fires.size };
}

interface Stage {
  readonly studio: Studio;
  readonly client: ApiClient;
  readonly pid: number;
  readonly workflowId: string;
}

async function prepare(studio: Studio, client: ApiClient): Promise<Stage> {
  const made = await client.expect(201, 'POST', '/api/v1/workflows', {
    name: 'clock',
    nodes: [
      { key: 'a', type: 'command', params: { command: ['sleep', '1'] } },
      { key: 'b', type: 'log', params: { message: 'y' } },
    ],
    edges: [{ from: 'a', to: 'b' }],
  });
  await client.expect(201, 'POST', '/api/v1/workflows', {
    name: 'scheduled',
    nodes: [{ key: 'a', type: 'log', params: { message: 'x' } }],
    edges: [],
    triggers: [{ key: 'minutes', type: 'cron', params: { expression: '* * * * *', timezone: 'UTC', catchUp: 'one' }, enabled: true }],
  });
  return { studio, client, pid: studio.pid(), workflowId: String(made['id']) };
}

/** A run and a job cross the jump, a run begins after it: all end as they would without. */
async function jumpOnce(
  { studio, client, pid, workflowId }: Stage,
  { set, fires }: { readonly set: () => void; readonly fires: Map<string, Set<string>> },
): Promise<string[]> {
  const faults: string[] = [];
  const submit = async (): Promise<string> => String((await client.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances`, { input: {} }))['id']);
  const before = await submit();
  const job = String(asObject((await client.expect(201, 'POST', '/api/v1/jobs', { script: 'sleep 2; echo done' }))['job'])['id']);
  await pause(500);
  set();
  const after = await submit();
  for (const [what, path] of [
    ['the run that crossed it', `/api/v1/instances/${before}`],
    ['the run after it', `/api/v1/instances/${after}`],
    ['the job that crossed it', `/api/v1/jobs/${job}`],
  ] as const) {
    const ended = await untilEnded(client, path, fires);
    if (ended['status'] !== 'completed') faults.push(`${what} is ${String(ended['status'])}: ${JSON.stringify(ended['error'] ?? ended['waitReason'] ?? null)}`);
    if (ended['attempt'] !== undefined && ended['attempt'] !== 1) faults.push(`${what} was begun ${String(ended['attempt'])} times`);
  }
  const health = await client.call('GET', '/health');
  if (health.status !== 200) faults.push(`health answers ${health.status} ${health.text}`);
  if (studio.pid() !== pid) faults.push('Studio restarted');
  return faults;
}

async function untilEnded(client: ApiClient, path: string, fires: Map<string, Set<string>>): Promise<Record<string, unknown>> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const thing = await client.expect(200, 'GET', path);
    await noteFires(client, fires);
    if (['completed', 'failed', 'cancelled', 'dead'].includes(String(thing['status'])) || performance.now() > deadline) return thing;
    await pause(100);
  }
}

async function noteFires(client: ApiClient, fires: Map<string, Set<string>>): Promise<void> {
  for (const trigger of itemsOf(await client.expect(200, 'GET', '/api/v1/triggers'))) {
    const last = asObject(trigger['lastResult'] ?? {});
    const [dueAt, id] = [last['dueAt'], last['instanceId']];
    if (typeof dueAt === 'string' && typeof id === 'string') fires.set(dueAt, (fires.get(dueAt) ?? new Set()).add(id));
  }
}
