/** Keeps when this machine runs and at which price, and what models and services hold of it; answers whose work it was spent on. The answer is made by cost-report.ts.
 *  One thing to know: a run ends where it was seen last, a minute at most before the end; a changed price begins a new one. */
import type { Costs, MachinePrice } from '../contract/costs.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Devices } from '../gpu/device.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { createTurns } from '../kernel/turns.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import {
  deleteOldMachineRuns,
  insertMachineRun,
  listJobUses,
  listMachineRuns,
  readMachineSetting,
  touchMachineRun,
  writeMachineSetting,
} from '../store/machine.ts';
import { deleteOldMachineUses, listMachineUses, listModelAskers } from '../store/machine-uses.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import { reportCosts, type CostAsker } from './cost-report.ts';
import type { IdleAuthor } from './idle-watch.ts';
import { createLeaseUses, type LeaseUseParts } from './lease-uses.ts';
import type { Runpod } from './runpod.ts';

export interface MachineCostParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly devices: Pick<Devices, 'list'>;
  readonly ledger: LeaseUseParts['ledger'];
  readonly runpod: Pick<Runpod, 'read'> | undefined;
  /** What was counted of models, written: who asks for costs sees it. */
  readonly flushUsage?: () => Promise<void>;
}

export interface CostQuestion extends CostAsker {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export interface MachineCost {
  start(): Promise<void>;
  stop(): Promise<void>;
  read(question: CostQuestion): Promise<Costs>;
  /** From now on; null: as the pod says. */
  setPrice(price: { readonly perHour: number; readonly currency: string } | null, author: IdleAuthor): Promise<MachinePrice>;
}

const BEAT_MS = 60_000;
/** How much of the use of a tenant that goes may be missed. */
const LOOK_MS = 5_000;
/** A pod's price changes when its plan does. */
const PRICE_KEPT_MS = 3_600_000;
const SETTING = 'price';
const RUNS_KEPT_MS = 400 * 86_400_000;
const DEFAULT_WINDOW_MS = 30 * 86_400_000;

export function createMachineCost(parts: MachineCostParts): MachineCost {
  const { database, clock, log } = parts;
  const sql = database.engine;
  let price: MachinePrice = { perHour: null, currency: 'USD', source: 'unknown' };
  let askedAtMs: number | undefined;
  let podPrice: number | null = null;
  let run: { readonly id: string; readonly key: string } | undefined;
  let cancel = (): void => undefined;
  let cancelLook = (): void => undefined;
  let isStopped = false;
  const uses = createLeaseUses({ ledger: parts.ledger, sql, clock });
  const turns = createTurns();

  async function readPrice(): Promise<MachinePrice> {
    const set = await readMachineSetting(sql, SETTING);
    if (typeof set === 'object' && set !== null && !Array.isArray(set) && typeof set['perHour'] === 'number')
      return { perHour: set['perHour'], currency: String(set['currency'] ?? 'USD'), source: 'set' };
    if (parts.runpod !== undefined && (askedAtMs === undefined || clock.monotonic() - askedAtMs > PRICE_KEPT_MS)) {
      askedAtMs = clock.monotonic();
      podPrice = await parts.runpod.read().then(
        (pod) => pod.perHour,
        (error: unknown) => {
          log.warn({ cause: messageOf(error) }, 'the price of this pod could not be read; asked again in an hour');
          return podPrice;
        },
      );
    }
    return podPrice === null ? { perHour: null, currency: 'USD', source: 'unknown' } : { perHour: podPrice, currency: 'USD', source: 'pod' };
  }

  async function beat(): Promise<void> {
    price = await readPrice();
    const now = new Date(clock.now());
    uses.look();
    await uses.write();
    const gpus = (await parts.devices.list()).length;
    const key = `${price.perHour} ${price.currency} ${gpus}`;
    const isGoing = run !== undefined && (await touchMachineRun(sql, { id: run.id, at: now }));
    if (isGoing && run?.key === key) return;
    const id = newId('mrun', clock);
    await insertMachineRun(sql, { id, at: now, perHour: price.perHour, currency: price.currency, gpus });
    run = { id, key };
    await deleteOldMachineRuns(sql, new Date(now.getTime() - RUNS_KEPT_MS));
    await deleteOldMachineUses(sql, new Date(now.getTime() - RUNS_KEPT_MS));
  }

  function armLook(): void {
    cancelLook = clock.after(LOOK_MS, () => {
      uses.look();
      armLook();
    });
  }

  function arm(): void {
    cancel = clock.after(BEAT_MS, () => {
      turns
        .take(beat)
        .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'that the machine runs was not noted; tried again'))
        .finally(() => void (isStopped || arm()));
    });
  }

  return {
    async start() {
      // Asking the pod's price must not hold up the start.
      void turns.take(beat).catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'that the machine runs was not noted; tried again'));
      arm();
      armLook();
    },
    async stop() {
      isStopped = true;
      cancel();
      cancelLook();
      await turns.over();
      uses.look();
      await uses.write().catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'the last minute of what models and services held was not noted'));
      if (run !== undefined) await touchMachineRun(sql, { id: run.id, at: new Date(clock.now()) }).catch(() => false); // It ends a minute earlier.
    },
    async read(question) {
      await parts.flushUsage?.();
      await turns.take(beat);
      const untilMs = question.until === undefined ? clock.now() : Date.parse(question.until);
      const sinceMs = question.since === undefined ? untilMs - DEFAULT_WINDOW_MS : Date.parse(question.since);
      if (sinceMs >= untilMs)
        fail('invalid_query', `since (${new Date(sinceMs).toISOString()}) does not lie before until (${new Date(untilMs).toISOString()}).`);
      const window = { since: new Date(sinceMs), until: new Date(untilMs) };
      const [runs, jobs, held, askers, gpus] = await Promise.all([
        listMachineRuns(sql, window),
        listJobUses(sql, window),
        listMachineUses(sql, window),
        listModelAskers(sql, window),
        parts.devices.list(),
      ]);
      const report = reportCosts(
        {
          runs: runs.map(({ startedAt, seenAt, ...rest }) => ({ ...rest, startMs: startedAt.getTime(), endMs: seenAt.getTime() })),
          jobs,
          uses: held,
          askers,
        },
        question,
        { sinceMs, untilMs, nowMs: clock.now(), deviceBytes: Math.max(1, ...gpus.map(({ memoryTotalBytes }) => memoryTotalBytes)) },
      );
      return { since: window.since.toISOString(), until: window.until.toISOString(), price, ...report };
    },
    async setPrice(wanted, author) {
      await turns.take(async () => {
        const now = new Date(clock.now());
        await sql.transaction(async (tx) => {
          await writeMachineSetting(tx, { key: SETTING, value: wanted as Json, now });
          const details: Record<string, Json> = wanted === null ? { source: 'pod' } : { ...wanted };
          await insertAudit(tx, {
            id: newId('aud', clock),
            orgId: author.orgId,
            at: now,
            actor: author.actor,
            action: 'machine.price_set',
            address: author.address,
            details,
          });
          const sequence = await nextSequence(tx, 'system', 'price');
          await writeEvents(tx, [
            { kind: 'system', id: 'price', sequence, type: 'ops:cost:price_set', orgId: null, payload: details, requestId: author.requestId },
          ]);
        });
        database.announce();
        await beat();
      });
      return price;
    },
  };
}
