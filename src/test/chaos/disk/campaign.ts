/** What a disk can do to Studio, on real file systems: fill up, run out of inodes, become slow, lose power, fail (failing.ts). Each part owns its disk and its Studio and says
 *  what it saw; whatever was acknowledged must be there afterwards. */
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { asObject } from '../../api-client.ts';
import type { Studio } from '../../studio-process.ts';
import { pause } from '../hands.ts';
import { cutDisk, slowDisk, smallDisk, type Disk } from './devices.ts';
import { fillBytes, fillFiles } from './fill.ts';
import { failForGood, failForMoments, failToRead, hang } from './failing.ts';
import { killAll, onDisk, reasonsOf, until } from './stage.ts';
import { changeBits } from './rot.ts';
import { failVolume } from './volume.ts';
import { findDamage, startWork } from './work.ts';

export interface DiskReport {
  readonly part: DiskPart;
  readonly times: number;
  readonly faults: readonly string[];
  /** Figures by name. */
  readonly facts: Readonly<Record<string, number>>;
}

/** `careless` is the proof of the harness: power is lost while PostgreSQL does not wait for the disk, and that must be found. */
export type DiskPart = 'full' | 'inodes' | 'slow' | 'power' | 'careless' | 'eio' | 'eio-read' | 'eio-for-good' | 'hang' | 'volume' | 'rot';

export interface DiskCampaign {
  readonly part: DiskPart;
  readonly times: number;
  readonly onLine: (line: string) => void;
}

const MIB = 2 ** 20;
const SMALL_BYTES = 1_200 * MIB;
const CUT_BYTES = 3_000 * MIB;
const SLOW_MS = 100;
const WORK_MS = 3_000;

/** @throws Error when Studio does not start at all */
export async function runDiskCampaign(campaign: DiskCampaign): Promise<DiskReport> {
  return PARTS[campaign.part](campaign);
}

const PARTS: Readonly<Record<DiskPart, (campaign: DiskCampaign) => Promise<DiskReport>>> = {
  full: (campaign) => fill(campaign, () => smallDisk(SMALL_BYTES), fillBytes),
  inodes: (campaign) => fill(campaign, () => smallDisk(SMALL_BYTES, 12_000), fillFiles),
  slow: beSlow,
  power: cutPower,
  careless: beCareless,
  eio: failForMoments,
  'eio-read': failToRead,
  'eio-for-good': failForGood,
  hang,
  volume: failVolume,
  rot: changeBits,
};

/** Fills the disk under load, waits until Studio says so, looks that it reads and refuses, makes room, and waits until it works again. */
async function fill({ part, times, onLine }: DiskCampaign, attach: () => Promise<Disk>, fillUp: (folder: string) => void): Promise<DiskReport> {
  const faults: string[] = [];
  const healMs: number[] = [];
  const refused: number[] = [];
  await onDisk(attach, async ({ studio, client, workflowId }, disk) => {
    const pid = studio.pid();
    for (let time = 1; time <= times; time++) {
      const before = faults.length;
      const fault = (text: string): void => void faults.push(`${part} ${time}: ${text}`);
      const work = startWork(client, workflowId, `${part}${time}`);
      await pause(500);
      const stuffing = join(disk.path, 'stuffing');
      mkdirSync(stuffing);
      fillUp(stuffing);
      await until('health to name the disk', async () => (await reasonsOf(client)).some((reason) => reason.startsWith('disk:')));
      // Something else takes what is left, again and again.
      for (let again = 0; again < 5; again++, await pause(500)) fillUp(stuffing);
      await pause(2_000);
      const read = await client.call('GET', '/health').catch(() => undefined);
      if (read === undefined) fault('no answer on a full disk');
      rmSync(stuffing, { recursive: true, force: true });
      const freedMs = performance.now();
      await until(
        'Studio to work again',
        async () => (await client.call('POST', `/api/v1/workflows/${workflowId}/instances`, { body: { input: {} } })).status === 201,
      );
      healMs.push(performance.now() - freedMs);
      await work.stop();
      const odd = [...work.statuses.keys()].filter((status) => ![200, 201, 503, 507].includes(status));
      if (odd.length > 0) fault(`answered ${odd.map((status) => (status === 0 ? 'not at all' : status)).join(', ')}`);
      refused.push(work.statuses.get(507) ?? 0);
      if (studio.pid() !== pid) fault('Studio restarted');
      faults.push(...(await findDamage(client, work)).map((text) => `${part} ${time}: ${text}`));
      await until('all to be well', async () => asObject((await client.call('GET', '/health')).body)['status'] === 'ok');
      onLine(
        `${part} ${time} of ${times}: ${[...work.statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}; works again after ${Math.round(healMs.at(-1) ?? 0)} ms; ${faults.length - before} faults`,
      );
    }
  });
  return { part, times, faults, facts: { healMsMax: Math.round(Math.max(...healMs)), refused: sum(refused) } };
}

/** A disk on which every write takes long: health and reads stay quick. */
async function beSlow({ part, times, onLine }: DiskCampaign): Promise<DiskReport> {
  const faults: string[] = [];
  const facts = { healthMsP99: 0, submitMsP50: 0, submits: 0, writeMs: SLOW_MS };
  await onDisk(
    () => slowDisk(CUT_BYTES, SLOW_MS),
    async ({ client, workflowId }) => {
      const work = startWork(client, workflowId, part);
      const healthMs: number[] = [];
      for (let look = 0; look < times * 50; look++) {
        const startedMs = performance.now();
        await client.call('GET', '/health');
        healthMs.push(performance.now() - startedMs);
        await pause(50);
      }
      await work.stop();
      faults.push(...(await findDamage(client, work)));
      Object.assign(facts, { healthMsP99: quantile(healthMs, 0.99), submitMsP50: quantile(work.submitMs, 0.5), submits: work.submitMs.length });
      onLine(`${part}: ${JSON.stringify(facts)}; ${faults.length} faults`);
    },
  );
  return { part, times, faults, facts };
}

/** Power is lost under load: nothing reaches the disk any more, a random half of what it had not flushed is gone, the machine starts again. */
async function cutPower({ part, times, onLine }: DiskCampaign, prepare?: (studio: Studio) => Promise<void>): Promise<DiskReport> {
  const faults: string[] = [];
  const facts = { acknowledged: 0, files: 0, lostSectors: 0, readyMsMax: 0 };
  await onDisk(
    () => cutDisk(CUT_BYTES),
    async ({ studio, client, workflowId }, disk) => {
      await prepare?.(studio);
      for (let time = 1; time <= times; time++) {
        const work = startWork(client, workflowId, `${part}${time}`);
        await pause(WORK_MS * Math.random());
        await disk.cut();
        await killAll(studio);
        await work.stop();
        disk.unmount();
        const lost = disk.revive();
        await disk.mount();
        const { readyMs } = await studio.start();
        const damage = await findDamage(client, work);
        faults.push(...damage.map((text) => `${part} ${time}: ${text}`));
        facts.acknowledged += work.instances.length;
        facts.files += work.files.size;
        facts.lostSectors += lost;
        facts.readyMsMax = Math.max(facts.readyMsMax, Math.round(readyMs));
        onLine(
          `${part} ${time} of ${times}: ${work.instances.length} runs and ${work.files.size} files acknowledged, ${lost} sectors lost, ready after ${Math.round(readyMs)} ms; ${damage.length} faults`,
        );
      }
    },
  );
  return { part, times, faults, facts };
}

async function beCareless(campaign: DiskCampaign): Promise<DiskReport> {
  const report = await cutPower(campaign, async (studio) => {
    await studio.stop();
    appendFileSync(join(studio.workspace, 'pg/postgresql.auto.conf'), 'fsync = off\n');
    await studio.start();
  }).catch((error: unknown) => ({ faults: [`Studio did not come back: ${String(error)}`], facts: {} }));
  return {
    ...report,
    part: campaign.part,
    times: campaign.times,
    faults: report.faults.length > 0 ? [] : ['nothing was lost although PostgreSQL did not wait for the disk'],
  };
}

function quantile(values: readonly number[], part: number): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
