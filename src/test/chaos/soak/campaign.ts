/** A soak: a real Studio under mixed work for as long as is asked, looked at every so often; afterwards nothing may have grown, and nothing may be lost.
 *  A soak that keeps its workspace can be gone on with: the hours of the ledger add up. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApiClient, type ApiClient } from '../../api-client.ts';
import { claimStudio, createStudio, type Studio } from '../../studio-process.ts';
import { pause } from '../hands.ts';
import { findGrowth, findKept, slopeOf, warm, type SoakSample } from './judge.ts';
import { takeSample } from './sample.ts';
import { countLive, startSoakWork, type SoakWork } from './work.ts';

export interface SoakCampaign {
  readonly minutes: number;
  readonly sampleMs: number;
  /** The workspace to go on with; default: a new one, which is removed. */
  readonly folder?: string | undefined;
  readonly onLine: (line: string) => void;
  /** Ends it early; what was measured until then counts. */
  readonly signal?: AbortSignal | undefined;
}

export interface SoakReport {
  readonly faults: readonly string[];
  readonly facts: Readonly<Record<string, number>>;
}

const MIB = 2 ** 20;
/** Pools, caches of answers and closed sockets let go within a minute; what has not by then is kept. */
const REST_MS = 75_000;
const LOOK_MS = 3_000;

/** @throws Error when Studio does not start */
export async function runSoak(campaign: SoakCampaign): Promise<SoakReport> {
  const { folder } = campaign;
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  const studio = await createStudio(folder === undefined ? {} : { workspace: folder });
  try {
    await studio.start();
    return await soak(campaign, studio, await clientOf(studio, folder));
  } finally {
    await studio.destroy();
  }
}

/** The key of the first soak in this workspace opens it to the next. */
async function clientOf(studio: Studio, folder: string | undefined): Promise<ApiClient> {
  const kept = folder === undefined ? undefined : join(folder, 'soak-key');
  const known = kept === undefined ? undefined : readIfThere(kept);
  if (known !== undefined) return createApiClient(studio.url, known);
  const client = await claimStudio(studio);
  if (kept !== undefined) writeFileSync(kept, client.token ?? '', { mode: 0o600 });
  return client;
}

async function soak(campaign: SoakCampaign, studio: Studio, client: ApiClient): Promise<SoakReport> {
  const pid = studio.pid();
  const startedMs = performance.now();
  const elapsed = (): number => performance.now() - startedMs;
  const before = await takeSample(studio, client, 0);
  const work = await startSoakWork(client);
  const samples: SoakSample[] = [];
  const submits: number[][] = [];
  while (elapsed() < campaign.minutes * 60_000 && campaign.signal?.aborted !== true) {
    await pause(Math.min(campaign.sampleMs, Math.max(0, campaign.minutes * 60_000 - elapsed())));
    const sample = await takeSample(studio, client, elapsed());
    samples.push(sample);
    submits.push(work.takeSubmitMs());
    campaign.onLine(lineOf(sample, work));
  }
  const soakedMs = elapsed();
  await work.stop();
  let rest = await takeSample(studio, client, elapsed());
  for (const untilMs = elapsed() + REST_MS; findKept({ before, rest }).length > 0 && elapsed() < untilMs;) {
    await pause(LOOK_MS);
    rest = await takeSample(studio, client, elapsed());
  }
  const faults = [...work.faults, ...findGrowth(samples), ...findKept({ before, rest })];
  const live = await countLive(client);
  if (live > 0) faults.push(`${live} runs go on when all was over`);
  if (studio.pid() !== pid) faults.push('Studio restarted');
  return { faults, facts: { ...factsOf({ samples, submits, before, rest }), ...work.counts, hours: Math.round((soakedMs / 3_600_000) * 1_000) / 1_000 } };
}

function lineOf(sample: SoakSample, { counts, faults }: SoakWork): string {
  const { rssBytes, heapBytes, descriptors, handles, sockets, processes, databaseBytes, healthMs } = sample;
  return `${Math.round(sample.atMs / 60_000)} min: RSS ${mib(rssBytes)} MiB, heap ${mib(heapBytes)}, ${descriptors} descriptors, ${handles} handles, ${sockets} sockets, ${processes} processes, database ${mib(databaseBytes)} MiB, health ${healthMs} ms; ${counts.runs} runs, ${counts.jobs} jobs, ${counts.uploads} uploads; ${faults.length} faults`;
}

interface Measured {
  readonly samples: readonly SoakSample[];
  readonly submits: readonly (readonly number[])[];
  readonly before: SoakSample;
  readonly rest: SoakSample;
}

function factsOf({ samples, submits, before, rest }: Measured): Record<string, number> {
  const slope = (read: (one: SoakSample) => number) => slopeOf(warm(samples).map((one) => ({ atMs: one.atMs, value: read(one) })));
  const [rss, heap] = [slope((one) => one.rssBytes), slope((one) => one.heapBytes)];
  const third = Math.ceil(submits.length / 3);
  return {
    samples: samples.length,
    rssMibBefore: mib(before.rssBytes),
    rssMibMax: mib(Math.max(...samples.map((one) => one.rssBytes), 0)),
    rssMibAfter: mib(rest.rssBytes),
    ...(rss && { rssMibPerHour: mib(rss.perHour), rssGive: mib(rss.give) }),
    ...(heap && { heapMibPerHour: mib(heap.perHour), heapGive: mib(heap.give) }),
    descriptorsBefore: before.descriptors,
    descriptorsAfter: rest.descriptors,
    handlesBefore: before.handles,
    handlesAfter: rest.handles,
    tempFilesAfter: rest.tempFiles,
    zombies: rest.zombies,
    databaseMibBefore: mib(before.databaseBytes),
    databaseMibAfter: mib(rest.databaseBytes),
    submitMsP50First: median(submits.slice(0, third).flat()),
    submitMsP50Last: median(submits.slice(-third).flat()),
    healthMsMax: Math.max(...samples.map((one) => one.healthMs), 0),
  };
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}

function mib(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
