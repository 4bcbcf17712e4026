/** Disks that fail under a working Studio: writes, flushes or reads that end with EIO for a moment or for good, and requests that hang. What was acknowledged is there
 *  afterwards, also past every cache; meanwhile Studio answers, says what is wrong, and does not start PostgreSQL in a storm. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { asObject, createApiClient, itemsOf, type ApiClient } from '../../api-client.ts';
import { pause } from '../hands.ts';
import type { DiskCampaign, DiskReport } from './campaign.ts';
import { failingDisk, type FailingDisk } from './devices.ts';
import { killAll, onDisk, reasonsOf, until, type Stage } from './stage.ts';
import { findDamage, startWork, type DiskWork } from './work.ts';

const DISK_BYTES = 3_000 * 2 ** 20;
const FAIL_MS = 6_000;
const GOOD_MS = 20_000;
/** Until health says which disk does not answer. */
const NAMED_MS = 15_000;
/** R10: of PostgreSQL, in a minute. */
const RESTARTS = 5;
/** What a call may be answered while the disk fails: done, again later, no room. */
const ALLOWED = [200, 201, 503, 507];
const FAILED_WORDS = /EIO|i\/o error|PANIC|Input\/output|read-only|EROFS|does not answer|can not be written|did not come up|failed/i;

/** Flushes, or writes of PostgreSQL's log, fail for some seconds; the file system stays. Studio works again by itself.
 *  Not every write: a file system without a journal, the only one that stays writable then, would lose what it knows of its files. */
export async function failForMoments(campaign: DiskCampaign): Promise<DiskReport> {
  const facts = { failedRequests: 0, healMsMax: 0, restartsMax: 0, healthMsMax: 0, acknowledged: 0 };
  const faults = await each(campaign, false, async ({ time, stage, disk, fault }) => {
    const what = time % 2 === 1 ? 'flush' : 'log';
    const work = startWork(stage.client, stage.workflowId, `eio${time}`);
    await pause(1_000);
    const before = disk.failed();
    disk.fail(what);
    const seen = await watchHealth(stage.client, FAIL_MS);
    disk.fail();
    const healedMs = await untilWorks(stage);
    await work.stop();
    facts.failedRequests += disk.failed() - before;
    facts.acknowledged += work.instances.length;
    facts.healMsMax = Math.max(facts.healMsMax, healedMs);
    facts.healthMsMax = Math.max(facts.healthMsMax, seen.healthMsMax);
    facts.restartsMax = Math.max(facts.restartsMax, await restartsOf(stage.client));
    if (facts.restartsMax > RESTARTS) fault(`PostgreSQL was started ${facts.restartsMax} times`);
    judge({ work, seen, hasFailed: disk.failed() > before, fault });
    for (const text of [...(await findDamage(stage.client, work)), ...(await findDamageBelow(stage, disk, work))]) fault(text);
    return `${what} failed: ${seen.reasons.join(' | ').slice(0, 300)}; works again after ${healedMs} ms`;
  });
  return { part: campaign.part, times: campaign.times, faults, facts };
}

/** Nothing can be read: a start says so, and the next goes on; no file is handed out broken. */
export async function failToRead(campaign: DiskCampaign): Promise<DiskReport> {
  const facts = { startedMsMax: 0, acknowledged: 0 };
  const faults = await each(campaign, false, async ({ time, stage, disk, fault }) => {
    const { studio, client } = stage;
    const work = startWork(client, stage.workflowId, `read${time}`);
    await pause(1_500);
    await work.stop();
    facts.acknowledged += work.instances.length;
    const [path, sha256] = [...work.files][0] ?? ['', ''];
    dropCache(join(studio.workspace, 'files'));
    disk.fail('read');
    const torn = await client.call('GET', `/api/v1/files/${path}`).catch(() => undefined);
    if (torn?.status === 500) fault(`a file that can't be read was answered 500 ${torn.text.slice(0, 200)}`);
    await killAll(studio);
    disk.fail();
    settle(disk);
    disk.unmount();
    await disk.mount();
    // Its process has begun when this returns: that itself reads the disk. It may wait, or end with a word for whoever starts it again.
    const starting = studio.start().then(
      () => 'it started',
      (error: unknown) => String(error),
    );
    disk.fail('read');
    const said = await Promise.race([firstFault(studio.url), starting]);
    if (!FAILED_WORDS.test(said)) fault(`the start did not say why it does not go on: ${said.slice(0, 300)}`);
    disk.fail();
    const startedMs = performance.now();
    if ((await starting) !== 'it started') await studio.start();
    const readyMs = performance.now() - startedMs;
    facts.startedMsMax = Math.max(facts.startedMsMax, Math.round(readyMs));
    for (const text of await findDamage(client, work)) fault(text);
    return `${torn === undefined ? 'no answer' : torn.status} for ${path} (${sha256.slice(0, 8)}); the start said: ${said.slice(-200)}; ready after ${Math.round(readyMs)} ms`;
  });
  return { part: campaign.part, times: campaign.times, faults, facts };
}

/** Every write fails until somebody changes the disk; the file system goes read-only. Studio says so and stays up; on the mended disk everything is there. */
export async function failForGood(campaign: DiskCampaign): Promise<DiskReport> {
  const facts = { restartsMax: 0, healthMsMax: 0, readyMsMax: 0, acknowledged: 0 };
  const faults = await each(campaign, true, async ({ time, stage, disk, fault }) => {
    const { studio, client, workflowId } = stage;
    const work = startWork(client, workflowId, `good${time}`);
    await pause(1_000);
    disk.fail('write', 'flush');
    const seen = await watchHealth(client, GOOD_MS);
    facts.restartsMax = Math.max(facts.restartsMax, await restartsOf(client));
    facts.healthMsMax = Math.max(facts.healthMsMax, seen.healthMsMax);
    if (facts.restartsMax > RESTARTS) fault(`PostgreSQL was started ${facts.restartsMax} times`);
    await killAll(studio);
    await work.stop();
    judge({ work, seen, hasFailed: true, fault });
    facts.acknowledged += work.instances.length;
    disk.unmount();
    disk.fail();
    await disk.mount();
    const { readyMs } = await studio.start();
    facts.readyMsMax = Math.max(facts.readyMsMax, Math.round(readyMs));
    for (const text of await findDamage(client, work)) fault(text);
    return `${seen.reasons.join(' | ').slice(0, 400)}; ready after ${Math.round(readyMs)} ms on the mended disk`;
  });
  return { part: campaign.part, times: campaign.times, faults, facts };
}

/** The disk answers nothing for some seconds: health does, and everything goes on afterwards. */
export async function hang(campaign: DiskCampaign): Promise<DiskReport> {
  const facts = { namedMsMax: 0, healMsMax: 0, healthMsMax: 0, acknowledged: 0 };
  const faults = await each(campaign, true, async ({ time, stage, disk, fault }) => {
    const work = startWork(stage.client, stage.workflowId, `hang${time}`);
    await pause(1_000);
    disk.fail('hang');
    const seen = await watchHealth(stage.client, GOOD_MS);
    disk.fail();
    const healedMs = await untilWorks(stage);
    await work.stop();
    facts.healMsMax = Math.max(facts.healMsMax, healedMs);
    facts.healthMsMax = Math.max(facts.healthMsMax, seen.healthMsMax);
    facts.namedMsMax = Math.max(facts.namedMsMax, seen.namedMs ?? GOOD_MS);
    if ((seen.namedMs ?? GOOD_MS) > NAMED_MS) fault(`health named nothing within ${NAMED_MS} ms`);
    facts.acknowledged += work.instances.length;
    judge({ work, seen, hasFailed: true, fault });
    for (const text of await findDamage(stage.client, work)) fault(text);
    return `${seen.reasons.join(' | ').slice(0, 300)} after ${seen.namedMs} ms; works again after ${healedMs} ms`;
  });
  return { part: campaign.part, times: campaign.times, faults, facts };
}

interface Turn {
  readonly time: number;
  readonly stage: Stage;
  readonly disk: FailingDisk;
  readonly fault: (text: string) => void;
}

/** @returns the faults of all turns */
async function each({ part, times, onLine }: DiskCampaign, hasJournal: boolean, turn: (turn: Turn) => Promise<string>): Promise<string[]> {
  const faults: string[] = [];
  await onDisk(
    () => failingDisk(DISK_BYTES, hasJournal),
    async (stage, disk) => {
      for (let time = 1; time <= times; time++) {
        const before = faults.length;
        const said = await turn({ time, stage, disk, fault: (text) => void faults.push(`${part} ${time}: ${text}`) });
        onLine(`${part} ${time} of ${times}: ${said}; ${faults.length - before} faults`);
      }
    },
  );
  return faults;
}

interface Seen {
  /** Everything that health named. */
  readonly reasons: readonly string[];
  /** Until it named the first; undefined: it named none. */
  readonly namedMs: number | undefined;
  readonly healthMsMax: number;
  readonly unanswered: number;
}

/** Asks for health all the time. */
export async function watchHealth(client: ApiClient, forMs: number): Promise<Seen> {
  const reasons = new Set<string>();
  let [healthMsMax, unanswered] = [0, 0];
  let namedMs: number | undefined;
  const beganMs = performance.now();
  const local = createApiClient(client.url);
  for (const endMs = performance.now() + forMs; performance.now() < endMs; await pause(100)) {
    const startedMs = performance.now();
    const reply = await local.call('GET', '/health', { timeoutMs: 5_000 }).catch(() => undefined);
    if (reply === undefined) unanswered += 1;
    healthMsMax = Math.max(healthMsMax, Math.round(performance.now() - startedMs));
    for (const reason of await reasonsOf(local).catch(() => [])) reasons.add(reason);
    if (reasons.size > 0) namedMs ??= Math.round(performance.now() - beganMs);
  }
  return { reasons: [...reasons], namedMs, healthMsMax, unanswered };
}

function judge({
  work,
  seen,
  hasFailed,
  fault,
}: {
  readonly work: DiskWork;
  readonly seen: Seen;
  readonly hasFailed: boolean;
  readonly fault: Turn['fault'];
}): void {
  if (!hasFailed) return;
  const odd = [...work.statuses].filter(([status]) => status !== 0 && !ALLOWED.includes(status));
  if (odd.length > 0) fault(`answered ${odd.map(([status, count]) => `${count} × ${status}`).join(', ')}`);
  if (seen.unanswered > 0) fault(`/health did not answer ${seen.unanswered} times`);
  if (!seen.reasons.some((reason) => FAILED_WORDS.test(reason))) fault(`health did not say what fails: ${seen.reasons.join(' | ') || 'nothing at all'}`);
}

/** @returns how long it took, ms */
export async function untilWorks({ client, workflowId }: Stage): Promise<number> {
  const startedMs = performance.now();
  await until(
    'Studio to work again',
    async () => (await client.call('POST', `/api/v1/workflows/${workflowId}/instances`, { body: { input: {} }, timeoutMs: 10_000 })).status === 201,
  );
  await until('all to be well', async () => asObject((await client.call('GET', '/health')).body)['status'] === 'ok');
  return Math.round(performance.now() - startedMs);
}

/** Ends of PostgreSQL within the last minute. */
async function restartsOf(client: ApiClient): Promise<number> {
  const services = await createApiClient(client.url)
    .call('GET', '/api/v1/services')
    .catch(() => undefined);
  const postgres = itemsOf(services?.body).find((service) => service['name'] === 'postgres');
  const exits = Array.isArray(postgres?.['exits']) ? (postgres['exits'] as readonly { readonly at: string }[]) : [];
  return exits.filter(({ at }) => Date.now() - Date.parse(at) < 60_000).length;
}

/** Past every cache: what the device itself holds. */
async function findDamageBelow({ studio, client }: Stage, disk: FailingDisk, work: DiskWork): Promise<string[]> {
  await killAll(studio);
  settle(disk);
  disk.unmount();
  await disk.mount();
  await studio.start();
  return (await findDamage(client, work)).map((text) => `after a start from the disk itself: ${text}`);
}

/** Without a journal a file system that is taken away with writes in memory is broken by that alone. */
function settle(disk: FailingDisk): void {
  try {
    execFileSync('sync', ['-f', disk.path], { stdio: 'ignore' });
  } catch {
    // It tells once of what failed before.
    execFileSync('sync', ['-f', disk.path]);
  }
}

function dropCache(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    try {
      execFileSync('dd', [`if=${join(folder, name)}`, 'of=/dev/null', 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
    } catch {
      // A folder.
    }
  }
}

/** The first thing that the page of a start says against itself. */
async function firstFault(url: string): Promise<string> {
  const client = createApiClient(url);
  for (let turn = 0; turn < 600; turn++, await pause(100)) {
    const view = await client.call('GET', '/health/boot').catch(() => undefined);
    const { fault } = asObject(view?.body);
    if (typeof fault === 'string') return fault;
  }
  return 'nothing';
}
