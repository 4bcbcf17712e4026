/** Kills a real Studio while jobs run that are hard to keep hold of, on cores and on the cards of a fake, and judges from outside what became of each: its end,
 *  its exit status, its log to the byte, its usage, its lease, and that no process of it is left. Knows of Studio only what its API and /proc say. */
import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../kernel/fail.ts';
import { identify } from '../../kernel/process-identity.ts';
import { asObject, type ApiClient } from '../api-client.ts';
import { fakeGpu } from '../fake-gpu.ts';
import { claimStudio, createStudio, type Studio } from '../studio-process.ts';
import { watchGpus, type GpuWatch, type SeenLease } from './gpu-watch.ts';
import { cpuKinds, gpuKinds, type JobKind } from './job-kinds.ts';
import { between, randomOf } from './random.ts';

export interface JobsCampaign {
  /** Kills of Studio; each with a job of every kind running. */
  readonly kills: number;
  readonly seed: number;
  /** What a burst writes, and what every tenth one writes. */
  readonly burstBytes: number;
  readonly largeBurstBytes: number;
  readonly onLine: (line: string) => void;
}

export interface JobsVerdict {
  /** Those that were come through. */
  readonly kills: number;
  readonly jobs: number;
  readonly faults: readonly string[];
  /** From the request to cancel to the recorded end, ms. */
  readonly slowestCancelMs: number;
  readonly loggedBytes: number;
  /** Leases that outlived a kill, and were found with the same id. */
  readonly leasesFound: number;
  /** Looks at the cards that found somebody there. */
  readonly looksAtCards: number;
}

const WAIT_MS = 180_000;
/** Of the fixture's cards, these stay. */
const CARDS = 2;
const CARD_MIB = 81_559;

/** Runs the campaign on a Studio of its own. */
export async function runJobsCampaign(campaign: JobsCampaign): Promise<JobsVerdict> {
  const endings: (() => void)[] = [];
  const gpu = fakeGpu({ after: (work) => void endings.push(work) }, 'eight-80gb');
  for (const uuid of gpu.uuids.slice(CARDS)) gpu.remove(uuid);
  const studio = await createStudio({ env: { PATH: gpu.env.PATH } });
  const random = randomOf(campaign.seed);
  const verdict = { kills: 0, jobs: 0, faults: [] as string[], slowestCancelMs: 0, loggedBytes: 0, leasesFound: 0 };
  const kinds = [...gpuKinds(gpu.state), ...cpuKinds];
  try {
    await studio.start();
    const client = await claimStudio(studio);
    for (const queue of ['studio', 'gpu']) await client.expect(200, 'PATCH', `/api/v1/queues/${queue}`, { slots: 4 });
    const watch = watchGpus({ state: gpu.state, client, cardMib: CARD_MIB });
    try {
      for (let kill = 1; kill <= campaign.kills; kill++) {
        const before = [verdict.faults.length, watch.faults.length] as const;
        // Serial: each kill is judged before the next. What came to a stop would stop the next one too.
        const isOver = await runOne({ studio, client, watch, kinds, kill, campaign, verdict, delayMs: between(random, 0, 1_500) })
          .then(() => false)
          .catch((error: unknown) => verdict.faults.push(`kill ${kill}: ${messageOf(error)}`) > 0);
        const bad = [...verdict.faults.slice(before[0]), ...watch.faults.slice(before[1])];
        campaign.onLine(`kill ${kill} of ${campaign.kills}: ${bad.length === 0 ? 'clean' : bad.join('; ')}`);
        if (isOver) break;
        verdict.kills = kill;
      }
    } finally {
      await watch.stop();
    }
    return { ...verdict, faults: [...verdict.faults, ...watch.faults], looksAtCards: watch.looks };
  } finally {
    await studio.destroy();
    for (const end of endings) end();
  }
}

interface Run {
  readonly studio: Studio;
  readonly client: ApiClient;
  readonly watch: GpuWatch;
  readonly kinds: readonly JobKind[];
  readonly kill: number;
  readonly campaign: JobsCampaign;
  readonly verdict: { jobs: number; faults: string[]; slowestCancelMs: number; loggedBytes: number; leasesFound: number };
  readonly delayMs: number;
}

interface Submitted {
  readonly kind: JobKind;
  readonly id: string;
}

async function runOne(run: Run): Promise<void> {
  const { studio, client, kill, campaign, verdict } = run;
  const bytes = kill % 10 === 0 ? campaign.largeBurstBytes : campaign.burstBytes;
  // A sleep of this length is no other's: by it a process is known that took off every other mark.
  const mark = `${40_000 + kill}.${campaign.seed % 1_000_000}`;
  const jobs = await submitAll(run, { mark, bytes });
  verdict.jobs += jobs.length;
  for (const { kind, id } of jobs)
    if (kind.isLate !== true)
      await until(async () => (await logBytes(client, id)) > 0, `the first line of ${id}`).catch(async (error: unknown) => {
        throw new Error(`${kind.name}: ${messageOf(error)}; ${await stateOf(run, id)}`, { cause: error });
      });
  await sleep(run.delayMs);
  const held = await leasesBefore(run, jobs);
  await studio.kill();
  for (const { kind, id } of jobs) if (kind.endsAway === true) await until(() => Promise.resolve(survivorsOf(id, undefined).length === 0), `the end of ${id}`);
  await studio.start();
  await judgeLeases(run, held);
  for (const { kind, id } of jobs) {
    if (kind.isCancelled !== true) continue;
    const askedAt = performance.now();
    await client.expect(200, 'POST', `/api/v1/jobs/${id}/cancel`);
    await ended(client, id);
    verdict.slowestCancelMs = Math.max(verdict.slowestCancelMs, performance.now() - askedAt);
  }
  for (const { kind, id } of jobs) verdict.faults.push(...(await faultsOf(run, kind, id, bytes)).map((fault) => `${kind.name} ${id}: ${fault}`));
  verdict.faults.push(...survivorsOf(undefined, mark).map((name) => `kill ${kill}: a process is left: ${name}`));
  const ids = new Set(jobs.map(({ id }) => id));
  const left = (await run.watch.leases())?.filter(({ tenantId }) => ids.has(tenantId)) ?? [];
  verdict.faults.push(...left.map(({ tenantId }) => `the lease of ${tenantId} is held although it has ended`));
}

/** Why nothing moves: all that Studio says of the job, and who stands before it. */
async function stateOf({ client, watch }: Run, id: string): Promise<string> {
  const [job, line, held] = await Promise.all([client.call('GET', `/api/v1/jobs/${id}`), client.call('GET', '/api/v1/gpus/queue'), watch.leases()]);
  return `${job.text}; in line: ${line.text}; held: ${JSON.stringify(held)}`;
}

async function submitAll({ studio, client, kinds }: Run, { mark, bytes }: { readonly mark: string; readonly bytes: number }): Promise<readonly Submitted[]> {
  const asked = identify(studio.pid());
  if (asked === undefined) throw new Error('Studio does not run');
  const jobs: Submitted[] = [];
  for (const kind of kinds) {
    const body = { ...kind.body(mark, bytes), labels: { kind: kind.name } };
    const text = JSON.stringify(body).replaceAll('$STUDIO_PID', String(asked.pid)).replaceAll('$STUDIO_BORN', asked.started);
    // Serial: who comes first is granted first.
    const made = await client.expect(201, 'POST', '/api/v1/jobs', JSON.parse(text));
    jobs.push({ kind, id: String(asObject(made['job'])['id']) });
  }
  return jobs;
}

/** What is held the moment before the kill. The two shares must sit on one card while the job for a whole one has the other; on a slow machine it may be over. */
async function leasesBefore({ watch, verdict, kill }: Run, jobs: readonly Submitted[]): Promise<readonly SeenLease[]> {
  const held = (await watch.leases()) ?? [];
  const cardsOf = (kind: string): (string | undefined)[] =>
    jobs.filter((job) => job.kind.name.startsWith(kind)).map(({ id }) => held.find(({ tenantId }) => tenantId === id)?.uuids.join());
  const cards = cardsOf('share');
  if (cardsOf('whole card, forks')[0] === undefined && !cards.includes(undefined)) return held;
  if (new Set(cards).size !== 1 || cards[0] === undefined) verdict.faults.push(`kill ${kill}: the two shares sit on ${cards.map(String).join(' and ')}`);
  return held;
}

/** Whose process lives on has its lease, the same one. */
async function judgeLeases({ watch, verdict, kill }: Run, held: readonly SeenLease[]): Promise<void> {
  const living = held.filter(({ tenantId }) => survivorsOf(tenantId, undefined).length > 0);
  const found = await watch.leases();
  for (const lease of living) {
    const now = found?.find(({ tenantId }) => tenantId === lease.tenantId);
    if (now?.id === lease.id && now.uuids.join() === lease.uuids.join()) verdict.leasesFound += 1;
    // It may have ended in between.
    else if (survivorsOf(lease.tenantId, undefined).length > 0)
      verdict.faults.push(`kill ${kill}: the lease ${lease.id} of ${lease.tenantId} was not found again`);
  }
}

async function faultsOf({ client, verdict }: Run, kind: JobKind, id: string, bytes: number): Promise<string[]> {
  const job = await ended(client, id);
  const faults: string[] = [];
  if (job['status'] !== kind.status) faults.push(`it is ${String(job['status'])} (${String(job['reason'])}), not ${kind.status}`);
  if (kind.exitCode !== undefined && job['exitCode'] !== kind.exitCode) faults.push(`exit code ${String(job['exitCode'])}, not ${kind.exitCode}`);
  // One that waited may have been claimed in the moment of the kill and not begun: then it is begun anew.
  const again = kind.isLate === true && job['attempts'] === 2 ? '[studio] attempt 2\n' : '';
  if (job['attempts'] !== 1 && again === '') faults.push(`${String(job['attempts'])} attempts`);
  if (kind.isCancelled !== true && typeof asObject(job['metrics'] ?? {})['cpuMs'] !== 'number') faults.push('no usage');
  faults.push(...survivorsOf(id, undefined).map((name) => `a process is left: ${name}`));
  const log = await readLog(client, id);
  verdict.loggedBytes += log.bytes;
  const wanted = kind.log(bytes);
  if (wanted !== undefined && (wanted.bytes !== log.bytes || wanted.sha256 !== log.sha256))
    faults.push(`its log has ${log.bytes} bytes, not the ${wanted.bytes} it wrote, or others`);
  if (wanted === undefined && !log.head.startsWith(`${again}ready\n`)) faults.push(`its log begins with ${JSON.stringify(log.head.slice(0, 80))}`);
  if (kind.name.endsWith('forks') && !/done\n/.test(log.head)) faults.push('its last line is missing');
  return faults;
}

async function ended(client: ApiClient, id: string): Promise<Record<string, unknown>> {
  let job: Record<string, unknown> = {};
  await until(async () => {
    job = await client.expect(200, 'GET', `/api/v1/jobs/${id}`);
    return job['endedAt'] !== null && job['status'] !== 'queued' && job['status'] !== 'running';
  }, `the end of ${id}`);
  return job;
}

async function logBytes(client: ApiClient, id: string): Promise<number> {
  const reply = await client.call('GET', `/api/v1/jobs/${id}/log`, { headers: { range: 'bytes=0-0' } });
  return reply.status === 206 ? 1 : 0;
}

async function readLog(client: ApiClient, id: string): Promise<{ readonly bytes: number; readonly sha256: string; readonly head: string }> {
  const response = await fetch(`${client.url}/api/v1/jobs/${id}/log`, { headers: { authorization: `Bearer ${client.token ?? ''}` } });
  const hash: Hash = createHash('sha256');
  let bytes = 0;
  let head = '';
  for await (const chunk of response.body ?? []) {
    hash.update(chunk);
    bytes += chunk.length;
    if (head.length < 1_000) head += Buffer.from(chunk).toString().slice(0, 1_000);
  }
  return { bytes, sha256: hash.digest('hex'), head };
}

/** Living processes that name the job in their environment, or sleep for `mark`. */
function survivorsOf(jobId: string | undefined, mark: string | undefined): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const isJobs = jobId !== undefined && read(pid, 'environ').split('\0').includes(`STUDIO_JOB_ID=${jobId}`);
      const isMarked = mark !== undefined && read(pid, 'cmdline').split('\0').includes(mark);
      return (isJobs || isMarked) && !/^State:\s+Z/m.test(read(pid, 'status'));
    })
    .map((pid) => `${pid} ${read(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 100)}`);
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // Gone meanwhile.
  }
}

/** @throws Error when it does not come to that: by then it never will */
async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${WAIT_MS} ms`);
    await sleep(50);
  }
}
