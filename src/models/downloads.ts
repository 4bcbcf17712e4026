/** Downloads of models, in this process: who may run (slots of the queue `downloads.huggingface`), and what pause, resume and cancel mean.
 *  The bytes are download-run.ts's. One thing to know: a row says `running` only while this process runs it; at the start those of the last process wait again. */
import type { StartDownload } from '../contract/model-downloads.ts';
import type { DownloadStatus } from '../contract/values.ts';
import type { Egress } from '../kernel/egress.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Sql } from '../store/client.ts';
import {
  deleteOldDownloads,
  findDownloadsOf,
  insertDownload,
  listQueuedDownloads,
  readDownload,
  requeueDownloads,
  type DownloadRecord,
} from '../store/downloads.ts';
import { deleteModel, insertModel, type ModelRecord } from '../store/models.ts';
import { readQueue } from '../store/queues.ts';
import { nameTaken, type By } from './catalogue.ts';
import { DOWNLOAD_QUEUE, newModelOf, requireRoom, sameDownload } from './download-begin.ts';
import { usualPace } from './download-fetch.ts';
import { planDownload } from './download-plan.ts';
import { createDownloadWork, type DownloadsParts } from './download-work.ts';
import type { Hub } from './hugging-face.ts';

export interface Downloads {
  /** @returns the download, and whether it is new: the same asked for again is the one that there is  @throws AppError as contract/models.ts says */
  begin(
    request: StartDownload & { readonly id: string; readonly modelId: string },
    by: By,
    signal: AbortSignal,
  ): Promise<{ readonly download: DownloadRecord; readonly isNew: boolean }>;
  /** @throws AppError not_found, illegal_transition */
  pause(id: string, by: By): Promise<DownloadRecord>;
  /** @throws AppError not_found, illegal_transition, disk_full */
  resume(id: string, by: By): Promise<DownloadRecord>;
  /** Ends it and deletes what came, its model too. @throws AppError not_found, illegal_transition */
  cancel(id: string, by: By): Promise<DownloadRecord>;
  /** Ends the download of a model that is being deleted, if it has one. */
  cancelOf(model: ModelRecord, by: By): Promise<void>;
  /** Who asked for it does not wait any more: cancels it, but not when Studio stops. */
  letGo(id: string, by: By): Promise<void>;
  /** Resolves when it has ended, and tells on the way. */
  follow(id: string, options: { readonly signal: AbortSignal; readonly onProgress: (download: DownloadRecord) => void }): Promise<DownloadRecord>;
  /** Why a queued one waits. */
  waitReason(): Promise<{ readonly kind: string; readonly message: string }>;
  /** Where the hub is, and the token of an org for it. */
  hubOf(orgId: string): Promise<Hub & { readonly egress: Egress }>;
  /** Goes on with what the last process left. */
  start(): Promise<void>;
  /** Stops what runs; it goes on after the next start. */
  stop(): Promise<void>;
}

/** Slots may be raised and the queue opened at any time by others. */
const LOOK_MS = 2_000;
/** What ended is shown for so long. */
const KEPT_MS = 30 * 86_400_000;
/** Asked for by a step, a download is looked at so often. */
const FOLLOW_MS = 500;

const OPEN: readonly DownloadStatus[] = ['queued', 'running', 'paused', 'failed'];

interface Active {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

export function createDownloads(parts: DownloadsParts): Downloads {
  const { database, clock, log, folder, catalogue } = parts;
  const sql = database.engine;
  const pace = parts.pace ?? usualPace;
  const active = new Map<string, Active>();
  let cancelLook = (): void => undefined;
  let isStopped = true;
  let looking: Promise<void> = Promise.resolve();

  const { change, hubOf, requireSpace, run, setModel } = createDownloadWork(parts);

  function launch(id: string): void {
    const stop = new AbortController();
    const done = run(id, stop.signal)
      .catch((error: unknown) => log.error({ downloadId: id, cause: messageOf(error) }, 'a download could not be recorded; it is tried again after a restart'))
      .finally(() => {
        active.delete(id);
        look();
      });
    active.set(id, { stop, done });
  }

  /** Ends what runs of a download. */
  async function halt(id: string, why: string): Promise<void> {
    const one = active.get(id);
    one?.stop.abort(new Error(why));
    await one?.done;
  }

  /** Gives free slots to those who wait. */
  function look(): void {
    cancelLook();
    if (isStopped) return;
    looking = looking.then(async () => {
      const queue = await readQueue(sql, DOWNLOAD_QUEUE);
      const free = queue === undefined || queue.state !== 'running' ? 0 : queue.slots - active.size;
      const waiting = free <= 0 || isStopped ? [] : await listQueuedDownloads(sql, free + active.size);
      for (const { id } of waiting.filter((one) => !active.has(one.id)).slice(0, free)) launch(id);
    });
    looking = looking.catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'waiting downloads could not be read; looked for again'));
    cancelLook = clock.after(LOOK_MS, look);
  }

  const refuse = async (id: string, verb: string): Promise<never> => {
    const known = (await readDownload(sql, id)) ?? fail('not_found', `There is no download ${id}.`);
    fail('illegal_transition', `The download ${id} is ${known.status}; it can't be ${verb}.`);
  };

  async function cancel(id: string, by: By): Promise<DownloadRecord> {
    await halt(id, 'cancelled');
    const ended = { status: 'cancelled', rate: null, endedAt: new Date(clock.now()) } as const;
    const dropModel = async (tx: Sql): Promise<void> => {
      const modelId = (await readDownload(tx, id))?.modelId ?? null;
      if (modelId !== null) await deleteModel(tx, modelId, by.requestId);
    };
    const modelId = (await readDownload(sql, id))?.modelId;
    const cancelled = (await change(id, OPEN, ended, dropModel, by.requestId)) ?? (await refuse(id, 'cancelled'));
    await folder.dropParts(id);
    await catalogue.dropUnused(
      cancelled.files.flatMap((file) => (file.state === 'done' && file.sha256 !== null ? [file.sha256] : [])),
      modelId ?? undefined,
    );
    return cancelled;
  }

  return {
    hubOf,
    async begin(request, by, signal) {
      const hub = await hubOf(by.orgId);
      const plan = await planDownload(request, { hub, egress: hub.egress, pace, signal });
      const name = request.name ?? plan.name;
      const orgId = request.owner === 'org' ? by.orgId : null;
      const known = await sameDownload(sql, { name, orgId, plan });
      if (known !== undefined) return { download: known, isNew: false };
      await requireRoom(parts, plan, requireSpace);
      const model = newModelOf(request, { plan, name, orgId, by });
      const nowMs = clock.now();
      const download = await sql.transaction(async (tx) => {
        if (!(await insertModel(tx, { ...model, nowMs }, by.requestId))) throw nameTaken(name);
        const sizes = plan.files.map((file) => file.bytes);
        const bytesTotal = sizes.includes(null) ? null : sizes.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
        const { source, url, files } = plan;
        return insertDownload(tx, { id: request.id, orgId, homeOrgId: by.orgId, modelId: model.id, name, source, url, files, bytesTotal, nowMs }, by.requestId);
      });
      database.announce();
      look();
      return { download, isNew: true };
    },
    async pause(id, by) {
      await halt(id, 'paused');
      return (await change(id, ['queued', 'running'], { status: 'paused', rate: null }, undefined, by.requestId)) ?? refuse(id, 'paused');
    },
    async resume(id, by) {
      const known = (await readDownload(sql, id)) ?? fail('not_found', `There is no download ${id}.`);
      if (known.status === 'paused' || known.status === 'failed') await requireSpace(Math.max(0, (known.bytesTotal ?? 0) - known.bytesDone));
      const next = { status: 'queued', error: null, endedAt: null } as const;
      const queued = await change(id, ['paused', 'failed'], next, setModel(known.modelId, 'downloading', null), by.requestId);
      look();
      return queued ?? refuse(id, 'resumed');
    },
    cancel,
    async cancelOf(model, by) {
      const download = (await findDownloadsOf(sql, [model.id])).get(model.id);
      if (download !== undefined && OPEN.includes(download.status)) await cancel(download.id, by);
    },
    async letGo(id, by) {
      if (isStopped) return;
      const download = await readDownload(sql, id);
      if (download !== undefined && OPEN.includes(download.status)) await cancel(id, by);
    },
    async follow(id, { signal, onProgress }) {
      for (let seq = -1; ;) {
        const download = (await readDownload(sql, id)) ?? fail('not_found', `The download ${id} is gone.`);
        if (download.seq !== seq) onProgress(download);
        seq = download.seq;
        if (['completed', 'failed', 'cancelled'].includes(download.status)) return download;
        await clock.sleep(FOLLOW_MS, signal);
      }
    },
    async waitReason() {
      const queue = await readQueue(sql, DOWNLOAD_QUEUE);
      if (queue !== undefined && queue.state !== 'running') return { kind: 'queue', message: `the queue ${DOWNLOAD_QUEUE} is ${queue.state}` };
      return { kind: 'slots', message: `${active.size} of ${queue?.slots ?? 0} slots of the queue ${DOWNLOAD_QUEUE} are taken` };
    },
    async start() {
      const count = await sql.transaction((tx) => requeueDownloads(tx));
      if (count > 0) log.info({ count }, 'downloads of the last run go on');
      await deleteOldDownloads(sql, new Date(clock.now() - KEPT_MS));
      await dropForeignParts(parts);
      isStopped = false;
      look();
    },
    async stop() {
      isStopped = true;
      cancelLook();
      await looking;
      await Promise.all([...active.keys()].map((id) => halt(id, 'Studio is stopping')));
      await looking;
    },
  };
}

/** Unfinished files of downloads that nobody will go on with. */
async function dropForeignParts({ database, folder }: DownloadsParts): Promise<void> {
  for (const name of await folder.listParts()) {
    // Serial: there are few, and nobody waits.
    const download = await readDownload(database.engine, name);
    if (download === undefined || !OPEN.includes(download.status)) await folder.dropParts(name);
  }
}
