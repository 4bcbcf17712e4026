/** Keeps when this machine runs and at which price, and answers whose work it was spent on. The sharing itself is cost.ts.
 *  One thing to know: a run ends where it was seen last, a minute at most before the end; a changed price begins a new one. */
import type { CostGroup, Costs, MachinePrice } from '../contract/costs.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Devices } from '../gpu/device.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
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
  type JobUseRow,
} from '../store/machine.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import { shareCosts } from './cost.ts';
import type { IdleAuthor } from './idle-watch.ts';
import type { Runpod } from './runpod.ts';

export interface MachineCostParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly devices: Pick<Devices, 'list'>;
  readonly runpod: Pick<Runpod, 'read'> | undefined;
}

export interface CostQuestion {
  readonly groupBy: CostGroup;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** Whose names are told; others are one. */
  readonly orgId: string;
  /** Names of all organisations: for the machine's owner. */
  readonly seesOrgs: boolean;
}

export interface MachineCost {
  start(): Promise<void>;
  stop(): Promise<void>;
  read(question: CostQuestion): Promise<Costs>;
  /** From now on; null: as the pod says. */
  setPrice(price: { readonly perHour: number; readonly currency: string } | null, author: IdleAuthor): Promise<MachinePrice>;
}

const BEAT_MS = 60_000;
/** A pod's price changes when its plan does. */
const PRICE_KEPT_MS = 3_600_000;
const SETTING = 'price';
const RUNS_KEPT_MS = 400 * 86_400_000;
const DEFAULT_WINDOW_MS = 30 * 86_400_000;
const MAX_ITEMS = 200;
const FORMULA =
  'A job pays, for each hour, the price of that hour times the part of the machine it held: of a machine with GPUs its devices (a share of memory as that part of a device) over all devices; of one without, its slots over all slots. Where the parts of a moment come to more than the machine, each is cut alike. What nobody held stays unattributed.';

export function createMachineCost(parts: MachineCostParts): MachineCost {
  const { database, clock, log } = parts;
  const sql = database.engine;
  let price: MachinePrice = { perHour: null, currency: 'USD', source: 'unknown' };
  let askedAtMs: number | undefined;
  let podPrice: number | null = null;
  let run: { readonly id: string; readonly key: string } | undefined;
  let cancel = (): void => undefined;
  let isStopped = false;
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work);
    turn = next.catch(() => undefined);
    return next;
  };

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
    const gpus = (await parts.devices.list()).length;
    const key = `${price.perHour} ${price.currency} ${gpus}`;
    const isGoing = run !== undefined && (await touchMachineRun(sql, { id: run.id, at: now }));
    if (isGoing && run?.key === key) return;
    const id = newId('mrun', clock);
    await insertMachineRun(sql, { id, at: now, perHour: price.perHour, currency: price.currency, gpus });
    run = { id, key };
    await deleteOldMachineRuns(sql, new Date(now.getTime() - RUNS_KEPT_MS));
  }

  function arm(): void {
    cancel = clock.after(BEAT_MS, () => {
      inTurn(beat)
        .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'that the machine runs was not noted; tried again'))
        .finally(() => void (isStopped || arm()));
    });
  }

  return {
    async start() {
      // Asking the pod's price must not hold up the start.
      void inTurn(beat).catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'that the machine runs was not noted; tried again'));
      arm();
    },
    async stop() {
      isStopped = true;
      cancel();
      await turn;
      if (run !== undefined) await touchMachineRun(sql, { id: run.id, at: new Date(clock.now()) }).catch(() => false); // It ends a minute earlier.
    },
    async read(question) {
      await inTurn(beat);
      const untilMs = question.until === undefined ? clock.now() : Date.parse(question.until);
      const sinceMs = question.since === undefined ? untilMs - DEFAULT_WINDOW_MS : Date.parse(question.since);
      if (sinceMs >= untilMs)
        fail('invalid_query', `since (${new Date(sinceMs).toISOString()}) does not lie before until (${new Date(untilMs).toISOString()}).`);
      const window = { since: new Date(sinceMs), until: new Date(untilMs) };
      const [runs, rows, gpus] = await Promise.all([listMachineRuns(sql, window), listJobUses(sql, window), parts.devices.list()]);
      const deviceBytes = Math.max(1, ...gpus.map(({ memoryTotalBytes }) => memoryTotalBytes));
      const names = new Map(rows.map((row) => [row.id, nameOf(row, question)]));
      const shared = shareCosts(
        runs.map(({ startedAt, seenAt, ...rest }) => ({ ...rest, startMs: startedAt.getTime(), endMs: seenAt.getTime() })),
        rows.map((row) => ({
          key: names.get(row.id)?.key ?? null,
          startMs: row.startedAt.getTime(),
          endMs: row.endedAt?.getTime() ?? clock.now(),
          gpus: row.gpus > 0 ? row.gpus : Math.min(1, row.vramBytes / deviceBytes),
          slots: 1,
        })),
        { sinceMs, untilMs },
      );
      const nameByKey = new Map([...names.values()].map(({ key, name }) => [key, name]));
      return {
        since: window.since.toISOString(),
        until: window.until.toISOString(),
        price,
        hours: shared.hours,
        pricedHours: shared.pricedHours,
        total: shared.total,
        attributed: shared.attributed,
        unattributed: Math.max(0, shared.total - shared.attributed),
        items: shared.shares.slice(0, MAX_ITEMS).map((share) => ({ ...share, name: nameByKey.get(share.key) ?? '' })),
        formula: FORMULA,
      };
    },
    async setPrice(wanted, author) {
      await inTurn(async () => {
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

/** What a job counts towards, as the asker may know it. */
function nameOf(row: JobUseRow, { groupBy, orgId, seesOrgs }: CostQuestion): { readonly key: string | null; readonly name: string } {
  const isOwn = row.orgId === orgId;
  if (groupBy === 'org') return isOwn || seesOrgs ? { key: row.orgId, name: row.orgName } : OTHERS;
  if (!isOwn) return OTHERS;
  if (groupBy === 'job') return { key: row.id, name: row.workflowName ?? 'Direct job' };
  return { key: row.workflowId ?? 'direct', name: row.workflowName ?? 'Direct jobs' };
}

const OTHERS = { key: null, name: 'Other organisations' } as const;
