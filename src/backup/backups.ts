/** The room's door: making, proving, thinning out and fetching backups, begun by a person or the schedule. Never waits in a request: work is begun and followed.
 *  One thing to know: the lock is the database's, so that no second process works beside. */
import type { ClientConfig } from 'pg';
import type { Backup, BackupList, BackupSettings, BackupWork } from '../contract/backups.ts';
import type { CompleteConfig } from '../config/schema.ts';
import { createCipher } from '../identity/cipher.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { HealthBoard } from '../ops/health.ts';
import type { BackupFigures } from '../ops/watched.ts';
import { takeBackupLock } from '../store/backup-lock.ts';
import type { Database } from '../store/client.ts';
import type { StudioProgram } from '../supervise/own-program.ts';
import { createCatalogue, describe, removeUnfinished } from './catalogue.ts';
import { requireReplication } from './create-physical.ts';
import { createOutlook } from './outlook.ts';
import type { Place } from './place.ts';
import { createRecord, type BackupAuthor } from './record.ts';
import { createRunner } from './runner.ts';
import { exportBackup } from './single-file.ts';
import { sweepScratch } from './scratch-folder.ts';
import { createSchedule } from './schedule.ts';
import { defaultSettings, readBackupSettings, writeBackupSettings } from './settings.ts';
import { begunHere, createWork } from './work.ts';

export interface Backups {
  start(): void;
  /** Ends what goes on; what is not finished is removed at the next start. */
  stop(): Promise<void>;
  list(): Promise<Omit<BackupList, 'cursor'>>;
  /** @throws AppError not_found */
  read(id: string): Promise<Backup>;
  /** @throws AppError invalid_body when its kind can't be made here, or the passphrase is too short */
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
  readonly kind: Backup['kind'];
  readonly passphrase?: string | undefined;
  readonly verify: boolean;
  readonly reason: 'manual' | 'schedule';
}

export interface BackupsParts {
  readonly place: Place;
  readonly database: Database;
  /** Of studio_engine. */
  readonly engine: ClientConfig;
  /** Of the embedded server's role that may replicate; undefined: the database is elsewhere. */
  readonly replication: ClientConfig | undefined;
  readonly config: CompleteConfig;
  /** Settings in clear, without secrets. */
  readonly settingsText: string;
  readonly studio: StudioProgram;
  readonly studioVersion: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly board: Pick<HealthBoard, 'report'>;
}

const SYSTEM: BackupAuthor = { actor: 'system', orgId: null, address: 'schedule' };

export function createBackups(parts: BackupsParts): Backups {
  const { place, database, clock, log } = parts;
  const catalogue = createCatalogue(place);
  const work = createWork({ ...parts, catalogue, cipher: createCipher(parts.config.credentialEncryptionKey) });
  const record = createRecord(parts);
  let settings = defaultSettings;
  let isStopped = false;

  const runner = createRunner({
    ...{ engine: parts.engine, clock, log, record },
    async settle({ id, kind, ok }) {
      if (kind === 'create' && !ok)
        await work
          .discard(id)
          .catch((error: unknown) => log.warn({ id, cause: messageOf(error) }, 'an unfinished backup was not removed; it goes at the next start'));
      catalogue.forget();
      await outlook.refresh();
    },
  });

  async function make(request: CreateRequest, author: BackupAuthor): Promise<BackupWork> {
    // Before anything is begun: these are the caller's to mend.
    if (request.kind === 'physical') requireReplication(parts);
    const key = await work.keyForNew(request.passphrase);
    const begun = await runner.begin({ id: request.id, kind: 'create', reason: request.reason }, async ({ progress, ending: { signal } }) => {
      const manifest = await work.create({ ...request, key, createdBy: author.actor, progress, signal });
      if (request.verify) {
        const proof = await work.prove({ manifest, key, progress, signal });
        if (!proof.ok) throw new Error(`it was made and is no good: ${proof.message}`);
      }
      if (request.reason === 'schedule') await work.prune({ settings, dryRun: false, signal });
      return request.verify ? 'made and proved' : 'made';
    });
    await record.audit(author, 'backup.created', request.id, { kind: request.kind, reason: request.reason, encrypted: key !== undefined });
    return begun;
  }

  /** Of a Studio that was killed while it proved a backup. */
  async function sweep(): Promise<void> {
    try {
      const found = await sweepScratch(clock);
      if (found > 0) log.info({ folders: found }, 'copies that an earlier Studio had made to prove backups were ended and removed');
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'copies that an earlier Studio left could not be removed');
    }
  }

  async function begin(): Promise<void> {
    await sweep();
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
    await outlook.refresh();
    if (!isStopped) schedule.start();
  }

  const backups: Backups = {
    get work() {
      return runner.work;
    },
    get last() {
      return runner.last;
    },
    start() {
      void begin().catch((error: unknown) => log.warn({ cause: messageOf(error), place: place.label }, 'the place of backups could not be looked at'));
    },
    async stop() {
      isStopped = true;
      schedule.stop();
      await runner.stop();
    },
    async list() {
      await outlook.refresh();
      const freeBytes = (await place.freeBytes()) ?? null;
      return {
        items: outlook.all.map(describe),
        next: null,
        work: runner.work,
        last: runner.last,
        settings,
        nextAt: schedule.nextAt(),
        place: { label: place.label, isLocal: place.isLocal, freeBytes, hasPassphrase: parts.config.backupPassphrase !== undefined },
        canBePhysical: parts.replication !== undefined,
        fault: outlook.fault(),
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
      const reason = author === SYSTEM ? 'schedule' : 'manual';
      const begun = await runner.begin({ id, kind: 'verify', reason }, async ({ progress, ending: { signal } }) => {
        const proof = await work.prove({ manifest, key, progress, signal });
        if (!proof.ok) throw new Error(proof.message);
        return proof.message;
      });
      await record.audit(author, 'backup.verified', id);
      return begun;
    },
    async cancel(id, author) {
      const { running } = runner;
      if (running?.id !== id) {
        await backups.read(id);
        fail('illegal_transition', `Nothing goes on with backup ${id}.`);
      }
      running.ending.abort(new Error('cancelled'));
      await record.audit(author, 'backup.cancelled', id);
      await running.done;
    },
    async remove(id, author) {
      await backups.read(id);
      await runner.withLock(() => catalogue.remove(id));
      await outlook.refresh();
      await record.audit(author, 'backup.deleted', id);
      await record.tell(id, 'deleted', {});
    },
    async prune({ dryRun }, author) {
      const result = await runner.withLock((signal) => work.prune({ settings, dryRun, signal }));
      if (!dryRun) await record.audit(author, 'backup.pruned', '', { removed: [...result.removed] });
      for (const id of dryRun ? [] : result.removed) await record.tell(id, 'deleted', {}); // Serial: in order.
      catalogue.forget();
      await outlook.refresh();
      return result;
    },
    async export(id, signal) {
      const manifest = await work.readManifest(id);
      return exportBackup({ place, manifest, key: await work.keyFor(manifest, undefined), signal });
    },
    async setSettings(wanted, author) {
      schedule.require(wanted);
      if (wanted.kind === 'physical') requireReplication(parts);
      await writeBackupSettings(database.engine, wanted, new Date(clock.now()));
      settings = wanted;
      schedule.nudge();
      await outlook.refresh();
      await record.audit(author, 'backup.settings', '', { ...wanted, keep: { ...wanted.keep } });
      return settings;
    },
    async idle() {
      await runner.running?.done;
    },
    figures: () => outlook.figures(),
  };

  const schedule = createSchedule({
    clock,
    log,
    settings: () => settings,
    newest: () => outlook.newestWhole(),
    isBusy: () => runner.running !== undefined,
    create: () => make({ id: newId('bak', clock), kind: settings.kind, verify: settings.verify, reason: 'schedule' }, SYSTEM),
    verify: (id) => backups.verify({ id }, SYSTEM),
  });
  const outlook = createOutlook({
    ...{ place, catalogue, clock, board: parts.board },
    settings: () => settings,
    last: () => runner.last,
    isOverdue: (ageMs) => schedule.isOverdue(ageMs),
  });
  return backups;
}
