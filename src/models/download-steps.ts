/** Downloads as steps of workflows ask for them: begins or finds one, follows it to its end, and says in a step's words how it ended. */
import { AppError, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { NodeError } from '../nodes/kit.ts';
import type { DownloadPort, DownloadState } from '../nodes/kit-ports.ts';
import type { SqlPool } from '../store/client.ts';
import type { DownloadRecord } from '../store/downloads.ts';
import { readModel } from '../store/models.ts';
import type { By } from './catalogue.ts';
import type { Downloads } from './downloads.ts';

/** Faults that the next try meets again. */
const FINAL: ReadonlySet<string> = new Set(['denied', 'not_found', 'html_page', 'size_mismatch', 'hash_mismatch', 'refused', 'broken_model']);

export function createDownloadSteps(parts: { readonly downloads: Downloads; readonly sql: SqlPool; readonly log: Logger }): (orgId: string) => DownloadPort {
  const { downloads, sql, log } = parts;
  return (orgId) => ({
    async bring(wanted, { own, signal, onState }) {
      const by: By = { orgId, requestId: newId('req') };
      const { download, isNew } = await begin(downloads, wanted, { by, signal });
      const isOwn = isNew || download.id === own;
      // A failed try before this one: it goes on where it stopped.
      if (download.status === 'failed') await downloads.resume(download.id, by).catch(asNodeError);
      try {
        const ended = await downloads.follow(download.id, { signal, onProgress: (record) => onState(stateOf(record, isOwn)) });
        return await resultOf(sql, ended);
      } catch (error) {
        if (signal.aborted && isOwn)
          await downloads
            .letGo(download.id, by)
            .catch((cause: unknown) =>
              log.error({ downloadId: download.id, cause: messageOf(cause) }, 'the download of a step that ended could not be cancelled'),
            );
        throw error;
      }
    },
  });
}

async function begin(
  downloads: Downloads,
  wanted: Parameters<DownloadPort['bring']>[0],
  { by, signal }: { readonly by: By; readonly signal: AbortSignal },
): ReturnType<Downloads['begin']> {
  const { files, ...rest } = wanted;
  const request = { ...rest, ...(files === undefined ? {} : { files: [...files] }), owner: 'machine' as const, id: newId('dl'), modelId: newId('mdl') };
  try {
    return await downloads.begin(request, by, signal);
  } catch (error) {
    return asNodeError(error);
  }
}

function asNodeError(error: unknown): never {
  if (!(error instanceof AppError)) throw error;
  throw new NodeError(error.code === 'invalid_body' ? 'download_refused' : error.code, error.message, {
    final: error.code === 'invalid_body' || error.code === 'conflict',
    cause: error,
  });
}

function stateOf(download: DownloadRecord, isOwn: boolean): DownloadState {
  const { bytesDone, bytesTotal, rate, status } = download;
  const speed = rate === null ? '' : `, ${(rate / 1_000_000).toFixed(1)} MB/s`;
  return {
    downloadId: download.id,
    isOwn,
    fraction: bytesTotal === null || bytesTotal === 0 ? null : bytesDone / bytesTotal,
    message: status === 'running' ? `${download.name}: ${bytesDone} of ${bytesTotal ?? '?'} bytes${speed}` : `${download.name}: ${status}`,
  };
}

async function resultOf(sql: SqlPool, download: DownloadRecord): ReturnType<DownloadPort['bring']> {
  if (download.status === 'cancelled') throw new NodeError('download_cancelled', `the download of ${download.name} was cancelled`, { final: true });
  if (download.status === 'failed')
    throw new NodeError('download_failed', download.error?.message ?? 'the download failed', {
      final: FINAL.has(download.error?.code ?? ''),
      details: download.error,
    });
  const model = download.modelId === null ? undefined : await readModel(sql, download.modelId);
  if (model === undefined) throw new NodeError('download_failed', `the model ${download.name} was deleted meanwhile`);
  return { modelId: model.id, name: model.name, bytes: model.bytes, files: model.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })) };
}
