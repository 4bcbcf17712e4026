/** Two machines on one volume, their database in its shadow. While the first lives the second refuses and names it. When the first freezes, the second takes over with all that was
 *  acknowledged; when the first thaws it ends before it writes or acknowledges anything. Real processes, really frozen; the second has a view of processes and a /run of its own. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiClient, type ApiClient } from '../../api-client.ts';
import { claimStudio, createStudio, processTree, type Studio } from '../../studio-process.ts';
import { findDamage, publishWork, startWork } from '../disk/work.ts';
import { pause } from '../hands.ts';
import { mountVolume } from '../shadow-campaign.ts';

export interface PodsReport {
  readonly times: number;
  readonly faults: readonly string[];
  readonly acknowledged: number;
  /** From the freeze to the other's readiness. */
  readonly takeOverMsMax: number;
  /** From the thaw to the end of the first. */
  readonly fencedMsMax: number;
}

const ANOTHER_MACHINE = [
  'unshare',
  '--pid',
  '--mount',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '/bin/sh',
  '-c',
  'mount -t tmpfs tmpfs /run && exec "$@"',
  'sh',
];
const FENCE_MS = 60_000;

/** Why two machines can't be played here; undefined when they can. */
export function noPods(): string | undefined {
  return process.getuid?.() === 0 && existsSync('/usr/bin/unshare') ? undefined : 'needs root and unshare';
}

export async function runTwoPods({ times, onLine }: { readonly times: number; readonly onLine: (line: string) => void }): Promise<PodsReport> {
  const faults: string[] = [];
  const facts = { acknowledged: 0, takeOverMsMax: 0, fencedMsMax: 0 };
  for (let time = 1; time <= times; time++) {
    // Serial: each has a volume of its own.
    const found = await freezeOne();
    faults.push(...found.faults.map((text) => `pods ${time}: ${text}`));
    facts.acknowledged += found.acknowledged;
    facts.takeOverMsMax = Math.max(facts.takeOverMsMax, found.takeOverMs);
    facts.fencedMsMax = Math.max(facts.fencedMsMax, found.fencedMs);
    onLine(
      `pods ${time} of ${times}: ${found.acknowledged} runs acknowledged, taken over after ${found.takeOverMs} ms, fenced after ${found.fencedMs} ms; ${found.faults.length} faults`,
    );
  }
  return { times, faults, ...facts };
}

interface Found {
  readonly faults: readonly string[];
  readonly acknowledged: number;
  readonly takeOverMs: number;
  readonly fencedMs: number;
}

async function freezeOne(): Promise<Found> {
  const base = mkdtempSync(join(tmpdir(), 'studio-pods-'));
  chmodSync(base, 0o711);
  const volume = await mountVolume(base);
  const workspace = join(volume.path, 'workspace');
  for (const folder of [workspace, join(base, 'first'), join(base, 'second')]) mkdirSync(folder);
  const env = (name: string): Record<string, string> => ({ STUDIO_STORAGE_PLAN: 'shadow', STUDIO_LOCAL_PATH: join(base, name) });
  const first = await createStudio({ workspace, env: env('first') });
  const second = await createStudio({ workspace, env: env('second'), prefix: ANOTHER_MACHINE });
  try {
    await first.start();
    const client = await claimStudio(first);
    return await takeOver({ first, second, client, shadow: join(workspace, 'pg-shadow') });
  } finally {
    // unshare passes no SIGTERM on; what it started goes with it.
    await second.kill().catch(() => undefined);
    await second.destroy();
    await first.destroy();
    await volume.unmount();
    rmSync(base, { recursive: true, force: true });
  }
}

async function takeOver(parts: { readonly first: Studio; readonly second: Studio; readonly client: ApiClient; readonly shadow: string }): Promise<Found> {
  const { first, second, client, shadow } = parts;
  const faults: string[] = [];
  const workflowId = await publishWork(client);
  await second.start().then(
    () => faults.push('the second started beside the first'),
    () => undefined,
  );
  if (!second.log().includes(`Another Studio (pid ${first.pid()}`)) faults.push(`the second did not name the first: ${second.log().slice(-300)}`);
  const work = startWork(client, workflowId, 'pods');
  await pause(2_000);
  const frozen = processTree(first.pid());
  for (const pid of frozen) send(pid, 'SIGSTOP');
  const frozenMs = performance.now();
  await second.start();
  const takeOverMs = Math.round(performance.now() - frozenMs);
  const other = createApiClient(second.url, client.token);
  const acknowledged = work.instances.length;
  for (const text of await findDamage(other, work)) faults.push(`after the take-over: ${text}`);
  const before = hashesOf(shadow);
  const ended = untilEnded(first);
  const thawedMs = performance.now();
  for (const pid of frozen) send(pid, 'SIGCONT');
  if (!(await ended)) faults.push(`the first still runs ${FENCE_MS} ms after its thaw`);
  const fencedMs = Math.round(performance.now() - thawedMs);
  await work.stop();
  if (work.instances.length > acknowledged) faults.push(`the first acknowledged ${work.instances.length - acknowledged} runs after it was taken over`);
  for (const [name, hash] of hashesOf(shadow))
    if (before.has(name) && before.get(name) !== hash && !isOfNewest(name, before)) faults.push(`the first wrote ${name}`);
  for (const text of await findDamage(other, work)) faults.push(`after the thaw: ${text}`);
  const again = await other.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=30`, { body: { input: {} } });
  if (again.status !== 200) faults.push(`the second answered ${again.status} after the thaw of the first`);
  return { faults, acknowledged, takeOverMs, fencedMs };
}

/** sha256 of the log's files, by name. */
function hashesOf(shadow: string): ReadonlyMap<string, string> {
  const folder = join(shadow, 'wal');
  return new Map(
    readdirSync(folder).map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

/** Of the generation that is written now. */
function isOfNewest(name: string, all: ReadonlyMap<string, string>): boolean {
  const newest = [...all.keys()].map(generationOf).toSorted().at(-1);
  return generationOf(name) === newest;
}

function generationOf(name: string): string {
  return name.split('-')[0] ?? '';
}

async function untilEnded(studio: Studio): Promise<boolean> {
  const pid = studio.pid();
  for (const deadline = performance.now() + FENCE_MS; performance.now() < deadline; await pause(50)) {
    try {
      if (studio.pid() !== pid) return true;
    } catch {
      return true;
    }
  }
  return false;
}

function send(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone meanwhile.
  }
}
