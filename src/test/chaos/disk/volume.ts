/** A Studio whose database is on the machine's own disk and whose volume fails: hangs, ends flushes with EIO, or is full. In the synchronous mode commits wait for it; health
 *  answers and says why, what is known can be read, and everything acknowledged is there afterwards, also when the machine's own disk is lost then. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asObject } from '../../api-client.ts';
import { pause } from '../hands.ts';
import type { DiskCampaign, DiskReport } from './campaign.ts';
import { failingDisk, type FailingDisk } from './devices.ts';
import { untilWorks, watchHealth } from './failing.ts';
import { fillBytes } from './fill.ts';
import { killAll, onDisk, until, type Stage } from './stage.ts';
import { findDamage, startWork } from './work.ts';

const VOLUME_BYTES = 1_000 * 2 ** 20;
const FAIL_MS = 16_000;
/** Until health names the volume. */
const NAMED_MS = 15_000;
/** R08: healthy again after the volume is. */
const HEAL_MS = 10_000;
/** A read may wait for the machine, never for the volume. */
const READ_MS = 10_000;
/** Something is under way by then. */
const BEFORE_MS = 1_000;
const KINDS = ['hang', 'flush', 'full'] as const;

export async function failVolume({ part, times, onLine }: DiskCampaign): Promise<DiskReport> {
  const faults: string[] = [];
  const facts = { acknowledged: 0, namedMsMax: 0, healMsMax: 0, healthMsMax: 0, readMsMax: 0, restoredMsMax: 0 };
  const local = mkdtempSync(join(tmpdir(), 'studio-machine-'));
  chmodSync(local, 0o711);
  try {
    await onDisk(
      () => failingDisk(VOLUME_BYTES, false),
      async (stage, disk) => {
        for (let time = 1; time <= times; time++) {
          const before = faults.length;
          const kind = KINDS[(time - 1) % KINDS.length] ?? 'hang';
          const fault = (text: string): void => void faults.push(`${part} ${time} (${kind}): ${text}`);
          const sleeper = await startSleeper(stage);
          const work = startWork(stage.client, stage.workflowId, `volume${time}`);
          await pause(1_500);
          const mend = breakVolume(disk, kind);
          await pause(BEFORE_MS);
          const cancelled = stage.client.call('POST', `/api/v1/instances/${sleeper}/cancel`, { timeoutMs: 150_000 }).catch(() => undefined);
          const [seen, readMs] = await Promise.all([watchHealth(stage.client, FAIL_MS), readAll(stage, work.instances)]);
          mend();
          const healMs = await untilWorks(stage);
          await work.stop();
          await cancelled;
          if (!seen.reasons.some((reason) => /^(shadow|disk): /.test(reason)))
            fault(`health did not name the volume: ${seen.reasons.join(' | ') || 'nothing'}`);
          if ((seen.namedMs ?? FAIL_MS) + BEFORE_MS > NAMED_MS) fault(`health named nothing within ${NAMED_MS} ms`);
          if (healMs > HEAL_MS) fault(`it was well again only ${healMs} ms after the volume`);
          if (seen.unanswered > 0) fault(`/health did not answer ${seen.unanswered} times`);
          if (readMs === undefined) fault(`a read was not answered within ${READ_MS} ms`);
          const odd = [...work.statuses].filter(([status]) => ![0, 200, 201, 503, 507].includes(status));
          if (odd.length > 0) fault(`answered ${odd.map(([status, count]) => `${count} × ${status}`).join(', ')}`);
          await until('the cancel to be done', async () => (await statusOf(stage, sleeper)) === 'cancelled');
          for (const text of await findDamage(stage.client, work)) fault(text);
          const restoredMs = await loseMachine(stage, local);
          for (const text of await findDamage(stage.client, work)) fault(`after the loss of the machine: ${text}`);
          const figures = {
            namedMsMax: (seen.namedMs ?? FAIL_MS) + BEFORE_MS,
            healMsMax: healMs,
            healthMsMax: seen.healthMsMax,
            readMsMax: readMs ?? READ_MS,
            restoredMsMax: restoredMs,
          };
          for (const [name, value] of Object.entries(figures)) facts[name as keyof typeof figures] = Math.max(facts[name as keyof typeof figures], value);
          facts.acknowledged += work.instances.length;
          onLine(
            `${part} ${time} of ${times}: ${kind}: ${seen.reasons.join(' | ').slice(0, 300)}, named after ${(seen.namedMs ?? FAIL_MS) + BEFORE_MS} ms; works again after ${healMs} ms, restored in ${restoredMs} ms; ${faults.length - before} faults`,
          );
        }
      },
      { STUDIO_STORAGE_PLAN: 'shadow', STUDIO_LOCAL_PATH: local },
    );
  } finally {
    rmSync(local, { recursive: true, force: true });
  }
  return { part, times, faults, facts };
}

/** @returns what mends it */
function breakVolume(disk: FailingDisk, kind: (typeof KINDS)[number]): () => void {
  if (kind !== 'full') {
    disk.fail(kind);
    return () => disk.fail();
  }
  const stuffing = join(disk.path, 'stuffing');
  mkdirSync(stuffing);
  fillBytes(stuffing);
  return () => rmSync(stuffing, { recursive: true, force: true });
}

/** A run that waits for an hour, to be cancelled. */
async function startSleeper({ client }: Stage): Promise<string> {
  const nodes = [{ key: 'rest', type: 'wait.timer', params: { durationMs: 3_600_000 } }];
  const made = await client.expect(201, 'POST', '/api/v1/workflows', { name: `sleeper ${performance.now()}`, nodes, edges: [] });
  return String((await client.expect(201, 'POST', `/api/v1/workflows/${String(made['id'])}/instances`, { input: {} }))['id']);
}

/** @returns the longest read, ms; undefined when one had no answer */
async function readAll({ client }: Stage, ids: readonly string[]): Promise<number | undefined> {
  let longest = 0;
  for (const id of ids.slice(0, 20)) {
    const startedMs = performance.now();
    const reply = await client.call('GET', `/api/v1/instances/${id}`, { timeoutMs: READ_MS }).catch(() => undefined);
    if (reply?.status !== 200) return undefined;
    longest = Math.max(longest, Math.round(performance.now() - startedMs));
    await pause(100);
  }
  return longest;
}

async function statusOf({ client }: Stage, id: string): Promise<unknown> {
  return asObject((await client.call('GET', `/api/v1/instances/${id}`)).body)['status'];
}

/** The machine is gone and its disk with it; another one starts from the volume. */
async function loseMachine({ studio }: Stage, local: string): Promise<number> {
  await killAll(studio, local);
  rmSync(local, { recursive: true, force: true });
  mkdirSync(local, { mode: 0o711 });
  return Math.round((await studio.start()).readyMs);
}
