/** Downloads of models, in this process: who may run (slots of the queue `downloads.huggingface`), and what pause, resume and cancel mean.
 *  The bytes are download-run.ts's. One thing to know: a row says `running` only while this process runs it; at the start those of the last process wait again. */
import type { StartDownload } from '../contract/models.ts';
import type { DownloadStatus } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Egress } from '../kernel/egress.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { isConnectionLoss, type Database, type Sql } from '../store/client.ts';
import {
  deleteOldDownloads,
  findDownloadsOf,
  insertDownload,
  listQueuedDownloads,
  readDownload,
  requeueDownloads,
  updateDownload,
  type DownloadChange,
  type DownloadRecord,
} from '../store/downloads.ts';
import { deleteModel, insertModel, updateModel, type ModelRecord } from '../store/models.ts';
import { readQueue } from '../store/queues.ts';
import { nameTaken, type By, type Catalogue } from './catalogue.ts';
import { describe } from './describe.ts';
import { DOWNLOAD_QUEUE, newModelOf, requireRoom, sameDownload } from './download-begin.ts';
import { asDownloadFault, DownloadFault } from './download-fault.ts';
import { usualPace, type Pace, type Target } from './download-fetch.ts';
import { planDownload } from './download-plan.ts';
import { rateMeter, type RateMeter } from './download-rate.ts';
import { runDownload, type Progress } from './download-run.ts';
import { GgufError } from './gguf.ts';
import { fileUrl, tokenHeader, type Hub } from './hugging-face.ts';
import type { ModelFolder } from './model-folder.ts';

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

export interface DownloadsParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly folder: ModelFolder;
  readonly catalogue: Catalogue;
  readonly httpOf: (orgId: string) => Egress;
  readonly secrets: { read(orgId: string, name: string): Promise<string | undefined> };
  /** Without a slash at the end. */
  readonly endpoint: string;
  /** Of the machine: for orgs without a secret HF_TOKEN. */
  readonly token: string | undefined;
  readonly pace?: Pace;
}

/** Left free beside a download: PostgreSQL and logs live on the same disk. */
const RESERVE_BYTES = 512 * 1024 ** 2;
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

  const hubOf: Downloads['hubOf'] = async (orgId) => ({
    endpoint: parts.endpoint,
    token: (await parts.secrets.read(orgId, 'HF_TOKEN')) ?? parts.token,
    egress: parts.httpOf(orgId),
  });

  /** A change and its event; announced once it stands. */
  async function change(
    id: string,
    from: readonly DownloadStatus[],
    next: DownloadChange,
    also?: (tx: Sql) => Promise<unknown>,
    requestId?: string,
  ): Promise<DownloadRecord | undefined> {
    const changed = await sql.transaction(async (tx) => {
      const record = await updateDownload(tx, { id, from, requestId }, next);
      if (record !== undefined) await also?.(tx);
      return record;
    });
    if (changed !== undefined) database.announce();
    return changed;
  }

  const setModel =
    (modelId: string | null, status: ModelRecord['status'], fault: string | null) =>
    (tx: Sql): Promise<unknown> =>
      modelId === null ? Promise.resolve() : updateModel(tx, modelId, { status, fault }, { nowMs: clock.now() });

  /** @throws AppError disk_full, with numbers */
  async function requireSpace(bytes: number): Promise<void> {
    const freeBytes = await folder.freeBytes();
    const neededBytes = bytes + RESERVE_BYTES;
    if (neededBytes > freeBytes)
      fail('disk_full', {
        message: `This needs ${bytes} bytes, and ${RESERVE_BYTES} are kept free; ${freeBytes} are free in ${folder.root}. Delete models, or take a smaller one.`,
        details: { neededBytes, freeBytes },
      });
  }

  async function fetchAll(download: DownloadRecord, signal: AbortSignal): Promise<void> {
    await requireSpace(Math.max(0, (download.bytesTotal ?? 0) - download.bytesDone));
    const hub = await hubOf(download.homeOrgId ?? '');
    const meter = rateMeter();
    const files = await runDownload(download, {
      egress: hub.egress,
      clock,
      folder,
      pace,
      signal,
      target: (file) => targetOf(download, file.name, hub),
      exclusive: catalogue.exclusive,
      save: (progress) => save(download.id, progress, { meter, signal }),
    });
    await catalogue.exclusive(() => finish(download, files));
  }

  /** A database that is away for a moment is waited for: the bytes go on meanwhile. */
  async function save(id: string, progress: Progress, { meter, signal }: { readonly meter: RateMeter; readonly signal: AbortSignal }): Promise<void> {
    const rate = signal.aborted ? null : meter.add(clock.monotonic(), progress.bytesDone);
    for (;;) {
      try {
        await change(id, ['running'], { ...progress, rate });
        return;
      } catch (error) {
        if (!isConnectionLoss(error) || signal.aborted) throw error;
        await clock.sleep(FOLLOW_MS, signal);
      }
    }
  }

  /** The files get the model's names; the model is ready in the transaction that completes the download. */
  async function finish(download: DownloadRecord, files: DownloadRecord['files']): Promise<void> {
    const modelId = download.modelId ?? fail('not_found', 'The model was deleted meanwhile.');
    const placed = await Promise.all(
      files.map(async ({ name, bytes, sha256 }) => ({ name, bytes: bytes ?? 0, sha256, place: await folder.name(modelId, name, sha256 ?? '') })),
    );
    const description = await describe(placed.map((file) => ({ ...file, path: folder.pathOf(file.place) }))).catch((error: unknown) => {
      throw error instanceof GgufError ? new DownloadFault('broken_model', `The model can't be used: ${error.message}`, { cause: error }) : error;
    });
    const at = { nowMs: clock.now() };
    const done = {
      status: 'completed',
      files,
      rate: null,
      error: null,
      bytesDone: description.bytes,
      bytesTotal: description.bytes,
      endedAt: new Date(clock.now()),
    } as const;
    await change(download.id, ['running'], done, (tx) => updateModel(tx, modelId, { status: 'ready', fault: null, ...description, files: placed }, at));
    await folder.dropParts(download.id);
    log.info({ downloadId: download.id, name: download.name, bytes: description.bytes }, 'download completed');
  }

  async function run(id: string, signal: AbortSignal): Promise<void> {
    const download = await change(id, ['queued'], { status: 'running', error: null, startedAt: new Date(clock.now()), endedAt: null });
    if (download === undefined) return;
    try {
      await fetchAll(download, signal);
    } catch (error) {
      // Paused, cancelled or stopped: who did that says so in the row.
      if (signal.aborted) return;
      const fault = asDownloadFault(error);
      log.warn({ downloadId: id, name: download.name, code: fault.code, cause: messageOf(error) }, 'download failed');
      const failed = { status: 'failed', rate: null, error: { code: fault.code, message: fault.message }, endedAt: new Date(clock.now()) } as const;
      await change(id, ['running'], failed, setModel(download.modelId, 'broken', `Its download failed: ${fault.message}`));
    }
  }

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

function targetOf(download: DownloadRecord, name: string, hub: Hub): Target {
  const { source } = download;
  const hasToken = hub.token !== undefined;
  if (source.kind === 'huggingface') {
    const url = fileUrl(hub, { repo: source.repo, commit: source.commit ?? source.revision, name });
    return { url, headers: tokenHeader(hub), what: name, hasToken };
  }
  const url = download.url ?? '';
  const isHub = new URL(url).host === new URL(hub.endpoint).host;
  return { url, headers: isHub ? tokenHeader(hub) : {}, what: name, hasToken: isHub && hasToken };
}

/** Unfinished files of downloads that nobody will go on with. */
async function dropForeignParts({ database, folder }: DownloadsParts): Promise<void> {
  for (const name of await folder.listParts()) {
    // Serial: there are few, and nobody waits.
    const download = await readDownload(database.engine, name);
    if (download === undefined || !OPEN.includes(download.status)) await folder.dropParts(name);
  }
}
