/** Keeps each class of rows as long as is set, hourly and on demand, in small bites and on one process at a time; tells what it deleted in the log and the audit
 *  trail. Instances are ops/run-data.ts's, backups their own. */
import { retentionDays, type RetentionClass, type RetentionDays } from '../contract/disk.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { Files } from '../files/files.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { asLeader, LEADER_LOCKS } from '../store/leader.ts';
import { readMachineSetting, writeMachineSetting } from '../store/machine.ts';
import { countClass, deleteDue, sizeOfClass, type ClassCount } from '../store/retention.ts';

export interface Cleaned {
  readonly class: RetentionClass;
  readonly isDryRun: boolean;
  readonly of: number;
  readonly rows: number;
  readonly bytes: number;
  readonly isComplete: boolean;
}

export interface ClassFacts extends ClassCount {
  readonly class: RetentionClass;
  readonly databaseBytes: number;
  readonly days: number | null;
  readonly defaultDays: number | null;
  readonly maxDays: number | null;
}

interface Author {
  readonly actor: string;
  readonly address: string;
}

export interface Retention {
  start(): void;
  stop(): Promise<void>;
  list(): Promise<ClassFacts[]>;
  read(): Promise<RetentionDays>;
  /** @throws AppError invalid_body for more days than Studio ever keeps */
  set(wanted: { readonly [Name in RetentionClass]?: number | null | undefined }, author: Author): Promise<RetentionDays>;
  /** @throws AppError conflict when a round runs already */
  clean(wanted: { readonly class: RetentionClass; readonly days?: number | undefined; readonly dryRun: boolean }, author: Author): Promise<Cleaned>;
}

export interface RetentionParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly files: Pick<Files, 'release'>;
}

const KEY = 'retention';
const DEFAULTS: RetentionDays = { jobs: 90, artifacts: null, audit: 396, notifications: 90, deliveries: 30, downloads: 30 };
/** Those parts of Studio delete their own rows after so long, whatever is set here: identity, notify, models. */
const BOUNDS: Partial<Record<RetentionClass, number>> = { audit: 396, notifications: 90, deliveries: 30, downloads: 30 };
const CLASSES = Object.keys(DEFAULTS) as RetentionClass[];
const DAY_MS = 86_400_000;
const FIRST_MS = 3 * 60_000;
const EVERY_MS = 3_600_000;
const ASKED_MS = 60_000;
const BITE = 500;
const SYSTEM: Author = { actor: 'system', address: '' };

export function createRetention(parts: RetentionParts): Retention {
  const { database, clock, log } = parts;
  const sql = database.engine;
  let cancel = (): void => undefined;
  let running: Promise<unknown> | undefined;
  let isStopped = false;

  const read = async (): Promise<RetentionDays> => {
    const kept = retentionDays.partial().safeParse((await readMachineSetting(sql, KEY)) ?? {});
    return { ...DEFAULTS, ...(kept.success ? (kept.data as Partial<RetentionDays>) : {}) };
  };
  const beforeOf = (days: number | null): Date | null => (days === null ? null : new Date(clock.now() - days * DAY_MS));

  async function sweep(name: RetentionClass, days: number | null, author: Author): Promise<Cleaned> {
    const before = beforeOf(days);
    const { rows: of, dueBytes } = await countClass(sql, { class: name, before });
    if (before === null) return { class: name, isDryRun: false, of, rows: 0, bytes: 0, isComplete: true };
    const deadline = clock.monotonic() + ASKED_MS;
    let rows = 0;
    let taken = BITE;
    for (; taken === BITE && clock.monotonic() < deadline && !isStopped; rows += taken) {
      const gone = await deleteDue(sql, { class: name, before, limit: BITE }); // Serial: a bite at a time leaves the writers room.
      taken = gone.length;
      for (const { orgId, sha256 } of gone) if (orgId !== null && sha256 !== null) await parts.files.release(orgId, [sha256]);
    }
    const cleaned = { class: name, isDryRun: false, of, rows, bytes: rows === 0 ? 0 : dueBytes, isComplete: taken < BITE };
    if (rows > 0) await tell(cleaned, author);
    return cleaned;
  }

  async function tell({ class: name, rows, bytes }: Cleaned, author: Author): Promise<void> {
    log.info({ class: name, rows, bytes }, 'rows past their retention were deleted');
    await insertAudit(sql, {
      id: newId('aud', clock),
      orgId: null,
      at: new Date(clock.now()),
      ...author,
      action: 'retention.swept',
      target: name,
      details: { rows, bytes },
    });
  }

  async function round(stillLeads: () => Promise<void>): Promise<void> {
    const days = await read();
    for (const name of CLASSES) {
      if (isStopped) return;
      await stillLeads();
      await sweep(name, days[name], SYSTEM); // Serial: one disk.
    }
  }

  function arm(ms: number): void {
    if (isStopped) return;
    cancel = clock.after(ms, () => {
      running = asLeader(sql, LEADER_LOCKS.retention, round)
        .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'old rows could not be deleted; tried again in an hour'))
        .finally(() => {
          running = undefined;
          arm(EVERY_MS);
        });
    });
  }

  return {
    start: () => arm(FIRST_MS),
    async stop() {
      isStopped = true;
      cancel();
      await running;
    },
    read,
    async list() {
      const days = await read();
      const facts: ClassFacts[] = [];
      for (const name of CLASSES) {
        // Serial: each reads a table.
        const count = await countClass(sql, { class: name, before: beforeOf(days[name]) });
        facts.push({
          class: name,
          ...count,
          databaseBytes: await sizeOfClass(sql, name),
          days: days[name],
          defaultDays: DEFAULTS[name],
          maxDays: BOUNDS[name] ?? null,
        });
      }
      return facts;
    },
    async set(wanted, author) {
      const given = Object.entries(wanted).filter((entry): entry is [RetentionClass, number | null] => entry[1] !== undefined);
      for (const [name, days] of given) {
        const most = BOUNDS[name];
        if (most !== undefined && (days === null || days > most))
          fail('invalid_body', { message: `${name} can be kept for ${most} days at most, not ${days ?? 'for ever'}.`, details: { path: name, maxDays: most } });
      }
      const next = { ...(await read()), ...Object.fromEntries(given) };
      const now = new Date(clock.now());
      await sql.transaction(async (tx) => {
        await writeMachineSetting(tx, { key: KEY, value: next, now });
        await insertAudit(tx, {
          id: newId('aud', clock),
          orgId: null,
          at: now,
          ...author,
          action: 'retention.set',
          target: '',
          details: Object.fromEntries(given),
        });
      });
      return next;
    },
    async clean(wanted, author) {
      const days = wanted.days ?? (await read())[wanted.class];
      if (wanted.dryRun) {
        const { rows, due, dueBytes } = await countClass(sql, { class: wanted.class, before: beforeOf(days) });
        return { class: wanted.class, isDryRun: true, of: rows, rows: due, bytes: dueBytes, isComplete: true };
      }
      if (running !== undefined) fail('conflict', { message: 'Old rows are being deleted already. Ask again in a minute.', retryAfterS: 60 });
      const work = sweep(wanted.class, days, author);
      running = work.catch(() => undefined).finally(() => (running = undefined));
      return work;
    },
  };
}
