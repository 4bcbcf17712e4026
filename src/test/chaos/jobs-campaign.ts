/** Kills a real Studio while jobs run that are hard to keep hold of, and judges from outside what became of each: its end, its exit status, its log to
 *  the byte, its usage, and that no process of it is left. Knows of Studio only what its API and /proc say. */
import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { asObject, type ApiClient } from '../api-client.ts';
import { claimStudio, createStudio, type Studio } from '../studio-process.ts';
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
  readonly jobs: number;
  readonly faults: readonly string[];
  /** From the request to cancel to the recorded end, ms. */
  readonly slowestCancelMs: number;
  readonly loggedBytes: number;
}

interface Kind {
  readonly name: string;
  /** Ends by itself while Studio is down. */
  readonly endsAway?: true;
  readonly isCancelled?: true;
  readonly status: string;
  readonly exitCode?: number;
  body(mark: string, bytes: number): object;
  /** What its log must be; undefined: not judged to the byte. */
  log(bytes: number): { readonly bytes: number; readonly sha256: string } | undefined;
}

const LINE_BYTES = 1_000;
const WAIT_MS = 180_000;

const burstLogs = new Map<number, { readonly bytes: number; readonly sha256: string }>();

function burstLog(bytes: number): { readonly bytes: number; readonly sha256: string } {
  const known = burstLogs.get(bytes);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  const filler = 'x'.repeat(LINE_BYTES - 17);
  for (let line = 0; line < bytes / LINE_BYTES; line++) hash.update(`${String(line).padStart(15, '0')} ${filler}\n`);
  const log = { bytes, sha256: hash.digest('hex') };
  burstLogs.set(bytes, log);
  return log;
}

const BURST = `import sys, time
lines = int(sys.argv[1])
filler = b"x" * ${LINE_BYTES - 17}
out = sys.stdout.buffer
for i in range(lines):
    out.write(b"%015d " % i + filler + b"\\n")
out.flush()
sys.exit(5)
`;

const kinds: readonly Kind[] = [
  {
    name: 'forks',
    status: 'completed',
    exitCode: 0,
    body: (mark) => ({
      script: `echo ready; (setsid sh -c 'env -i setsid sleep ${mark} & sleep ${mark}' &) ; (setsid setsid sleep ${mark} &) ; sleep 4; echo done`,
    }),
    log: () => undefined,
  },
  {
    name: 'stubborn',
    status: 'cancelled',
    isCancelled: true,
    body: (mark) => ({ script: `trap '' TERM INT HUP; (trap '' TERM; setsid sleep ${mark} &); echo ready; while :; do sleep ${mark}; done` }),
    log: () => undefined,
  },
  {
    name: 'burst',
    status: 'failed',
    exitCode: 5,
    body: (_mark, bytes) => ({ command: ['python3', '-c', BURST, String(bytes / LINE_BYTES)] }),
    log: burstLog,
  },
  {
    name: 'ends away',
    endsAway: true,
    status: 'failed',
    exitCode: 7,
    body: (mark) => ({ script: `echo ready; while test -d /proc/$STUDIO_PID; do sleep 0.05; done; echo ${mark}; sleep 0.2; exit 7` }),
    log: () => undefined,
  },
];

/** Runs the campaign on a Studio of its own. */
export async function runJobsCampaign(campaign: JobsCampaign): Promise<JobsVerdict> {
  const studio = await createStudio();
  const random = randomOf(campaign.seed);
  const verdict = { jobs: 0, faults: [] as string[], slowestCancelMs: 0, loggedBytes: 0 };
  try {
    await studio.start();
    const client = await claimStudio(studio);
    await client.expect(200, 'PATCH', '/api/v1/queues/studio', { slots: kinds.length });
    for (let kill = 1; kill <= campaign.kills; kill++) {
      const before = verdict.faults.length;
      await runOne({ studio, client, kill, campaign, verdict, delayMs: between(random, 0, 1_500) });
      const bad = verdict.faults.slice(before);
      campaign.onLine(`kill ${kill} of ${campaign.kills}: ${bad.length === 0 ? 'clean' : bad.join('; ')}`);
    }
    return verdict;
  } finally {
    await studio.destroy();
  }
}

interface Run {
  readonly studio: Studio;
  readonly client: ApiClient;
  readonly kill: number;
  readonly campaign: JobsCampaign;
  readonly verdict: { jobs: number; faults: string[]; slowestCancelMs: number; loggedBytes: number };
  readonly delayMs: number;
}

async function runOne(run: Run): Promise<void> {
  const { studio, client, kill, campaign, verdict } = run;
  const bytes = kill % 10 === 0 ? campaign.largeBurstBytes : campaign.burstBytes;
  // A sleep of this length is no other's: by it a process is known that took off every other mark.
  const mark = `${40_000 + kill}.${campaign.seed % 1_000_000}`;
  const pid = String(studio.pid());
  const jobs: { kind: Kind; id: string }[] = [];
  for (const kind of kinds) {
    const body = { ...kind.body(mark, bytes), labels: { kind: kind.name } };
    const text = JSON.stringify(body).replaceAll('$STUDIO_PID', pid);
    const made = await client.expect(201, 'POST', '/api/v1/jobs', JSON.parse(text));
    jobs.push({ kind, id: String(asObject(made['job'])['id']) });
  }
  verdict.jobs += jobs.length;
  for (const { id } of jobs) await until(async () => (await logBytes(client, id)) > 0, `the first line of ${id}`);
  await sleep(run.delayMs);
  await studio.kill();
  const away = jobs.find(({ kind }) => kind.endsAway === true);
  if (away !== undefined) await until(() => Promise.resolve(survivorsOf(away.id, undefined).length === 0), `the end of ${away.id}`);
  await studio.start();
  for (const { kind, id } of jobs) {
    if (kind.isCancelled !== true) continue;
    const askedAt = performance.now();
    await client.expect(200, 'POST', `/api/v1/jobs/${id}/cancel`);
    await ended(client, id);
    verdict.slowestCancelMs = Math.max(verdict.slowestCancelMs, performance.now() - askedAt);
  }
  for (const { kind, id } of jobs) verdict.faults.push(...(await faultsOf(run, kind, id, bytes)).map((fault) => `${kind.name} ${id}: ${fault}`));
  verdict.faults.push(...survivorsOf(undefined, mark).map((name) => `kill ${kill}: a process is left: ${name}`));
}

async function faultsOf({ client, verdict }: Run, kind: Kind, id: string, bytes: number): Promise<string[]> {
  const job = await ended(client, id);
  const faults: string[] = [];
  if (job['status'] !== kind.status) faults.push(`it is ${String(job['status'])} (${String(job['reason'])}), not ${kind.status}`);
  if (kind.exitCode !== undefined && job['exitCode'] !== kind.exitCode) faults.push(`exit code ${String(job['exitCode'])}, not ${kind.exitCode}`);
  if (job['attempts'] !== 1) faults.push(`${String(job['attempts'])} attempts`);
  if (kind.isCancelled !== true && typeof asObject(job['metrics'] ?? {})['cpuMs'] !== 'number') faults.push('no usage');
  faults.push(...survivorsOf(id, undefined).map((name) => `a process is left: ${name}`));
  const log = await readLog(client, id);
  verdict.loggedBytes += log.bytes;
  const wanted = kind.log(bytes);
  if (wanted !== undefined && (wanted.bytes !== log.bytes || wanted.sha256 !== log.sha256))
    faults.push(`its log has ${log.bytes} bytes, not the ${wanted.bytes} it wrote, or others`);
  if (wanted === undefined && !log.head.startsWith('ready\n')) faults.push(`its log begins with ${JSON.stringify(log.head.slice(0, 80))}`);
  if (kind.name === 'forks' && !/done\n/.test(log.head)) faults.push('its last line is missing');
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
