/** One download at work: its bytes, its progress in the database, and the model that comes of it. Never decides when one runs: downloads.ts does. */
import type { DownloadStatus } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Egress } from '../kernel/egress.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { isConnectionLoss, type Database, type Sql } from '../store/client.ts';
import { updateDownload, type DownloadChange, type DownloadRecord } from '../store/downloads.ts';
import { updateModel, type ModelRecord } from '../store/models.ts';
import type { Catalogue } from './catalogue.ts';
import { describe } from './describe.ts';
import type { Target } from './download-answer.ts';
import { asDownloadFault, DownloadFault } from './download-fault.ts';
import { usualPace, type Pace } from './download-fetch.ts';
import { rateMeter, type RateMeter } from './download-rate.ts';
import { runDownload, type Progress } from './download-run.ts';
import { GgufError } from './gguf.ts';
import { fileUrl, tokenHeader, type Hub } from './hugging-face.ts';
import type { ModelFolder } from './model-folder.ts';

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
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

export interface DownloadWork {
  /** A change and its event; announced once it stands. @returns undefined when it was in none of the states */
  change(
    id: string,
    from: readonly DownloadStatus[],
    next: DownloadChange,
    also?: (tx: Sql) => Promise<unknown>,
    requestId?: string,
  ): Promise<DownloadRecord | undefined>;
  setModel(modelId: string | null, status: ModelRecord['status'], fault: string | null): (tx: Sql) => Promise<unknown>;
  /** @throws AppError disk_full, with numbers */
  requireSpace(bytes: number): Promise<void>;
  /** Where the hub is, and the token of an org for it. */
  hubOf(orgId: string): Promise<Hub & { readonly egress: Egress }>;
  /** From queued to its end; nothing when it is not queued any more. @throws what the database says */
  run(id: string, signal: AbortSignal): Promise<void>;
}

/** Left free beside a download: PostgreSQL and logs live on the same disk. */
const RESERVE_BYTES = 512 * 1024 ** 2;
/** Until a database that is away is asked again. */
const AGAIN_MS = 500;

export function createDownloadWork(parts: DownloadsParts): DownloadWork {
  const { database, clock, log, folder, catalogue } = parts;
  const sql = database.engine;
  const pace = parts.pace ?? usualPace;

  const hubOf: DownloadWork['hubOf'] = async (orgId) => ({
    endpoint: parts.endpoint,
    token: (await parts.secrets.read(orgId, 'HF_TOKEN')) ?? parts.token,
    egress: parts.httpOf(orgId),
  });

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
      onBytes: parts.onBytes,
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
        await clock.sleep(AGAIN_MS, signal);
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

  return { change, setModel, requireSpace, hubOf, run };
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
