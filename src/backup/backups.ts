/** The room's door: one piece of work at a time (make, prove, thin out), begun by a person or the schedule, told as events, cancelled on demand.
 *  Never waits in a request: work is begun and followed. One thing to know: the lock is the database's, so that no second process works beside. */
import type { ClientConfig } from 'pg';
import type { Json } from '../contract/endpoint.ts';
import type { Backup, BackupList, BackupSettings, BackupWork } from '../contract/backups.ts';
import type { CompleteConfig } from '../config/schema.ts';
import { createCipher } from '../identity/cipher.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { HealthBoard } from '../ops/health.ts';
import type { BackupFigures } from '../ops/watched.ts';
import { insertAudit } from '../store/audit.ts';
import { takeBackupLock, type BackupLock } from '../store/backup-lock.ts';
import type { Database } from '../store/client.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import type { StudioProgram } from '../supervise/own-program.ts';
import { createCatalogue, describe, removeUnfinished, type Listed } from './catalogue.ts';
import type { Place } from './place.ts';
import { createProgress, type Progress } from './progress.ts';
import { exportBackup } from './single-file.ts';
import { createSchedule } from './schedule.ts';
import { defaultSettings, readBackupSettings, writeBackupSettings } from './settings.ts';
import { begunHere, createWork, type Work } from './work.ts';

export interface BackupAuthor {
  readonly actor: string;
  readonly orgId: string | null;
  readonly address: string;
}

export interface Backups {
  start(): void;
  /** Ends what goes on; what is not finished is removed at the next start. */
  stop(): Promise<void>;
  list(): Promise<Omit<BackupList, 'cursor'>>;
  /** @throws AppError not_found */
  read(id: string): Promise<Backup>;
  create(request: CreateRequest, author: BackupAuthor): Promise<BackupWork>;
  verify(request: { readonly id: string; readonly passphrase?: string | undefined }, author: BackupAuthor): Promise<BackupWork>;
  /** @throws AppError not_found, illegal_transition when nothing goes on with it */
  cancel(id: string, author: BackupAuthor): Promise<void>;
  remove(id: string, author: BackupAuthor): Promise<void>;
  prune(options: { readonly dryRun: boolean }, author: BackupAuthor): Promise<{ removed: string[]; kept: number; freedBytes: number }>;
  /** A tar file. @throws AppError not_found; invalid_body when it is sealed and BACKUP_PASSPHRASE is not its passphrase */
  export(id: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  setSettings(settings: BackupSettings, author: BackupAuthor): Promise<BackupSettings>;
  /** Resolves when nothing goes on any more. */
  idle(): Promise<void>;
  readonly work: BackupWork | null;
  readonly last: BackupList['last'];
  readonly figures: () => BackupFigures;
}

export interface CreateRequest {
  readonly id: string;
  readonly passphrase?: string | undefined;
  readonly verify: boolean;
  readonly reason: 'manual' | 'schedule';
}

export interface BackupsParts {
  readonly place: Place;
  readonly database: Database;
  /** Of studio_engine. */
  readonly engine: ClientConfig;
  readonly config: CompleteConfig;
  /** Settings in clear, without secrets. */
  readonly settingsText: string;
  readonly studio: StudioProgram;
  readonly studioVersion: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly board: Pick<HealthBoard, 'report'>;
}

interface Running {
  readonly id: string;
  readonly kind: BackupWork['kind'];
  readonly reason: BackupWork['reason'];
  readonly startedAt: string;
  readonly progress: Progress;
  readonly ending: AbortController;
  done: Promise<void>;
}

const SYSTEM: BackupAuthor = { actor: 'system', orgId: null, address: 'schedule' };

export function createBackups(parts: BackupsParts): Backups {
  const { place, database, clock, log, board } = parts;
  const catalogue = createCatalogue(place);
  const work: Work = createWork({ ...parts, catalogue, cipher: createCipher(parts.config.credentialEncryptionKey) });
  let running: Running | undefined;
  let last: BackupList['last'] = null;
  let settings = defaultSettings;
  let newest: readonly Listed[] = [];
  let isStopped = false;

  async function tell(
    id: string,
    type: 'started' | 'progress' | 'completed' | 'failed' | 'cancelled' | 'verified' | 'deleted',
    payload: Record<string, Json>,
  ): Promise<void> {
    await database.engine.transaction(async (sql) => {
      const sequence = await nextSequence(sql, 'backup', id);
      await writeEvents(sql, [{ kind: 'backup', id, sequence, type: `ops:backup:${type}`, orgId: null, payload }]);
    });
    database.announce();
  }

  async function audit(author: BackupAuthor, action: string, id: string, details: Record<string, Json> = {}): Promise<void> {
    const entry = {
      id: newId('aud', clock),
      orgId: author.orgId,
      at: new Date(clock.now()),
      actor: author.actor,
      action,
      target: id,
      address: author.address,
      details,
    };
    await insertAudit(database.engine, entry);
  }

  /** Begins work under the lock. @param act resolves to the words of its success */
  async function begin(about: Pick<Running, 'id' | 'kind' | 'reason'>, act: (running: Running) => Promise<string>): Promise<BackupWork> {
    if (isStopped) fail('draining');
    if (running !== undefined) fail('still_running', `Backup ${running.id} is at work (${running.kind}). Wait for its end, or cancel it.`);
    const ending = new AbortController();
    // A tick of progress that can't be told is told by the next.
    const progress = createProgress(clock, (state) => void tell(about.id, 'progress', { kind: about.kind, progress: { ...state } }).catch(() => undefined));
    const mine: Running = { ...about, startedAt: new Date(clock.now()).toISOString(), progress, ending, done: Promise.resolve() };
    running = mine; // Before the first wait: nobody comes in between.
    try {
      const lock = await takeBackupLock(parts.engine, { holdsContent: about.kind === 'create' });
      if (lock === undefined) fail('still_running', 'Another process backs up, proves or restores at this moment. Wait for its end.');
      await tell(about.id, 'started', { kind: about.kind, reason: about.reason });
      mine.done = run(mine, act, lock);
    } catch (error) {
      running = undefined;
      throw error;
    }
    return workOf(mine);
  }

  async function run(mine: Running, act: (running: Running) => Promise<string>, lock: BackupLock): Promise<void> {
    const { id, kind } = mine;
    const startedMs = clock.monotonic();
    let [ok, message, isCancelled] = [false, '', false];
    try {
      message = await act(mine);
      ok = true;
    } catch (error) {
      isCancelled = mine.ending.signal.aborted;
      message = isCancelled ? 'cancelled' : messageOf(error);
    }
    const ms = Math.round(clock.monotonic() - startedMs);
    last = { id, kind, at: new Date(clock.now()).toISOString(), ok, message };
    if (ok) log.info({ id, kind, ms }, 'backup work ended');
    else if (!isCancelled) log.error({ id, kind, ms, cause: message }, 'backup work failed');
    if (kind === 'create' && !ok)
      await work
        .discard(id)
        .catch((error: unknown) => log.warn({ id, cause: messageOf(error) }, 'an unfinished backup was not removed; it goes at the next start'));
    catalogue.forget();
    await refresh();
    await lock.release();
    running = undefined;
    const type = isCancelled ? 'cancelled' : !ok ? 'failed' : kind === 'verify' ? 'verified' : 'completed';
    await tell(id, type, { kind, ok, message }).catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'the end of a backup was not announced'));
  }

  /** What lies at the place, and what health says of it. */
  async function refresh(): Promise<void> {
    try {
      newest = await catalogue.list();
      board.report('backups', faultOf(), false);
    } catch (error) {
      board.report('backups', `${place.label} can't be read: ${messageOf(error)}`, false);
    }
  }

  function faultOf(): string | null {
    const [first] = newest.filter(({ manifest }) => manifest !== undefined);
    if (last !== null && !last.ok && last.message !== 'cancelled') return `the last ${last.kind === 'verify' ? 'proof' : 'backup'} failed: ${last.message}`;
    if (first?.proof?.ok === false) return `backup ${first.id} is no good: ${first.proof.message}`;
    const ageMs = first?.manifest === undefined ? undefined : clock.now() - Date.parse(first.manifest.createdAt);
    if (settings.enabled && ageMs !== undefined && schedule.isOverdue(ageMs))
      return `the newest backup is ${Math.round(ageMs / 3_600_000)} h old, although the schedule asks for more`;
    return null;
  }

  async function make(request: CreateRequest, author: BackupAuthor): Promise<BackupWork> {
    // Before anything is begun: a passphrase that is too short is the caller's to mend.
    const key = await work.keyForNew(request.passphrase);
    const begun = await begin({ id: request.id, kind: 'create', reason: request.reason }, async ({ progress, ending: { signal } }) => {
      const manifest = await work.create({ ...request, key, createdBy: author.actor, progress, signal });
      if (request.verify) {
        const proof = await work.prove({ manifest, key, progress, signal });
        if (!proof.ok) throw new Error(`it was made and is no good: ${proof.message}`);
      }
      if (request.reason === 'schedule') await work.prune({ settings, dryRun: false, signal });
      return request.verify ? 'made and proved' : 'made';
    });
    await audit(author, 'backup.created', request.id, { reason: request.reason, encrypted: key !== undefined });
    return begun;
  }

  const backups: Backups = {
    get work() {
      return running === undefined ? null : workOf(running);
    },
    get last() {
      return last;
    },
    start() {
      void (async () => {
        settings = await readBackupSettings(database.engine);
        const lock = await takeBackupLock(parts.engine, { holdsContent: false });
        if (lock !== undefined) {
          try {
            await place.tidy();
            const removed = await removeUnfinished(place, catalogue, (id) => begunHere(place, id, work.workspaceId));
            if (removed > 0) log.info({ removed }, 'backups that were not finished were removed');
          } finally {
            await lock.release();
          }
        }
        await refresh();
        if (!isStopped) schedule.start();
      })().catch((error: unknown) => log.warn({ cause: messageOf(error), place: place.label }, 'the place of backups could not be looked at'));
    },
    async stop() {
      isStopped = true;
      schedule.stop();
      running?.ending.abort(new Error('Studio stops'));
      await running?.done;
    },
    async list() {
      await refresh();
      return {
        items: newest.map(describe),
        next: null,
        work: backups.work,
        last,
        settings,
        nextAt: schedule.nextAt(),
        place: {
          label: place.label,
          isLocal: place.isLocal,
          freeBytes: (await place.freeBytes()) ?? null,
          hasPassphrase: parts.config.backupPassphrase !== undefined,
        },
        fault: faultOf(),
      };
    },
    async read(id) {
      const found = (await catalogue.list()).find((one) => one.id === id);
      return describe(found ?? fail('not_found', `There is no backup ${id} at ${place.label}.`));
    },
    create: make,
    async verify({ id, passphrase }, author) {
      const manifest = await work.readManifest(id);
      const key = await work.keyFor(manifest, passphrase);
      const begun = await begin({ id, kind: 'verify', reason: author === SYSTEM ? 'schedule' : 'manual' }, async ({ progress, ending: { signal } }) => {
        const proof = await work.prove({ manifest, key, progress, signal });
        if (!proof.ok) throw new Error(proof.message);
        return proof.message;
      });
      await audit(author, 'backup.verified', id);
      return begun;
    },
    async cancel(id, author) {
      if (running?.id !== id) {
        await backups.read(id);
        fail('illegal_transition', `Nothing goes on with backup ${id}.`);
      }
      const { done, ending } = running;
      ending.abort(new Error('cancelled'));
      await audit(author, 'backup.cancelled', id);
      await done;
    },
    async remove(id, author) {
      await backups.read(id);
      await withLock(() => catalogue.remove(id));
      await refresh();
      await audit(author, 'backup.deleted', id);
      await tell(id, 'deleted', {});
    },
    async prune({ dryRun }, author) {
      const result = await withLock((signal) => work.prune({ settings, dryRun, signal }));
      if (!dryRun) await audit(author, 'backup.pruned', '', { removed: [...result.removed] });
      for (const id of dryRun ? [] : result.removed) await tell(id, 'deleted', {}); // Serial: in order.
      await refresh();
      return result;
    },
    async export(id, signal) {
      const manifest = await work.readManifest(id);
      return exportBackup({ place, manifest, key: await work.keyFor(manifest, undefined), signal });
    },
    async setSettings(wanted, author) {
      schedule.require(wanted);
      await writeBackupSettings(database.engine, wanted, new Date(clock.now()));
      settings = wanted;
      schedule.nudge();
      await refresh();
      await audit(author, 'backup.settings', '', { ...wanted, keep: { ...wanted.keep } });
      return settings;
    },
    async idle() {
      await running?.done;
    },
    figures: () => {
      const good = newest.filter(({ manifest }) => manifest !== undefined);
      const times = good.flatMap(({ proof }) => (proof === undefined ? [] : [proof])).toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at));
      const manifest = good[0]?.manifest;
      return {
        isWanted: settings.enabled || good.length > 0,
        lastSuccessMs: manifest === undefined ? null : Date.parse(manifest.endedAt),
        lastFailureMs: last !== null && !last.ok ? Date.parse(last.at) : null,
        fault: faultOf(),
        lastVerifiedMs: times[0] === undefined ? null : Date.parse(times[0].at),
        isVerifiedOk: times[0]?.ok ?? null,
        bytes: good[0] === undefined ? null : describe(good[0]).bytes,
      };
    },
  };

  const schedule = createSchedule({
    clock,
    log,
    settings: () => settings,
    newest: () => newest.find(({ manifest }) => manifest !== undefined),
    isBusy: () => running !== undefined,
    create: () => make({ id: newId('bak', clock), verify: settings.verify, reason: 'schedule' }, SYSTEM),
    verify: (id) => backups.verify({ id }, SYSTEM),
  });
  return backups;

  /** For what is over in a moment. */
  async function withLock<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (running !== undefined) fail('still_running', `Backup ${running.id} is at work (${running.kind}). Wait for its end, or cancel it.`);
    const lock = await takeBackupLock(parts.engine, { holdsContent: false });
    if (lock === undefined) fail('still_running', 'Another process backs up, proves or restores at this moment. Wait for its end.');
    try {
      return await act(new AbortController().signal);
    } finally {
      catalogue.forget();
      await lock.release();
    }
  }
}

function workOf({ id, kind, reason, startedAt, progress }: Running): BackupWork {
  return { id, kind, reason, startedAt, progress: progress.state };
}
