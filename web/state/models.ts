/** Models and downloads as pages see them, followed live, and what can be done to them. */
import { call } from '../api.ts';
import { me } from '../session.ts';
import { useResource } from './resource.ts';
import type { ReplyOf } from '../../src/contract/index.ts';
import type { Download } from '../../src/contract/model-downloads.ts';
import type { ModelEstimate } from '../../src/contract/model-estimates.ts';
import type { Model } from '../../src/contract/models.ts';
import type { Resource } from './resource.ts';

type ModelPage = ReplyOf<'GET /api/v1/models'>;
type DownloadPage = ReplyOf<'GET /api/v1/models/downloads'>;

/** Idle times and what a model takes change without events. */
const EVERY_MS = 10_000;

function rooms(): readonly string[] {
  return ['system', `org:${me.value?.orgId ?? ''}`];
}

export function useModels(): Resource<ModelPage> {
  return useResource((signal) => call('GET /api/v1/models', { query: { limit: 200 }, signal }), [], {
    everyMs: EVERY_MS,
    follow: { rooms: rooms(), apply: (value, event) => (event.entity_kind === 'model' ? 'reload' : value) },
  });
}

/** Those that are not over, or failed. Progress is taken from its events; anything else is read again. */
export function useDownloads(): Resource<DownloadPage> {
  return useResource((signal) => call('GET /api/v1/models/downloads', { query: { limit: 50, status: 'queued,running,paused,failed' }, signal }), [], {
    follow: {
      rooms: rooms(),
      apply: (value, event) => {
        if (event.entity_kind !== 'download_job') return value;
        const known = value.items.find((download) => download.id === event.entity_id);
        if (known === undefined || event.payload['status'] !== known.status) return 'reload';
        return { ...value, items: value.items.map((download) => (download === known ? withProgress(known, event.payload) : download)) };
      },
    },
  });
}

function withProgress(download: Download, payload: Readonly<Record<string, unknown>>): Download {
  const number = (key: string): number | null => (typeof payload[key] === 'number' ? payload[key] : null);
  const [bytesDone, bytesTotal, rate] = [number('bytesDone') ?? download.bytesDone, number('bytesTotal'), number('rate')];
  const leftMs = bytesTotal === null || rate === null || rate <= 0 ? null : Math.round(((bytesTotal - bytesDone) / rate) * 1_000);
  return { ...download, bytesDone, bytesTotal, rate, leftMs };
}

export type DownloadVerb = 'pause' | 'resume' | 'cancel';

/** @throws ApiError */
export async function commandDownload(id: string, verb: DownloadVerb): Promise<void> {
  const params = { id };
  if (verb === 'pause') await call('POST /api/v1/models/downloads/{id}/pause', { params });
  else if (verb === 'resume') await call('POST /api/v1/models/downloads/{id}/resume', { params });
  else await call('POST /api/v1/models/downloads/{id}/cancel', { params });
}

export type ModelVerb = 'load' | 'unload' | 'pin' | 'unpin';

/** @throws ApiError */
export async function commandModel(id: string, verb: ModelVerb): Promise<void> {
  const params = { id };
  if (verb === 'load') await call('POST /api/v1/models/{id}/load', { params });
  else if (verb === 'unload') await call('POST /api/v1/models/{id}/unload', { params, timeoutMs: 90_000 });
  else if (verb === 'pin') await call('POST /api/v1/models/{id}/pin', { params });
  else await call('POST /api/v1/models/{id}/unpin', { params });
}

/** @throws ApiError */
export async function deleteModel(model: Pick<Model, 'id'>): Promise<void> {
  await call('DELETE /api/v1/models/{id}', { params: { id: model.id }, timeoutMs: 120_000 });
}

/** What a model takes with a context; undefined while nobody asked. */
export function useEstimate(
  model: Pick<Model, 'id'>,
  wish: { readonly context: number | undefined; readonly parallel: number | undefined },
): Resource<ModelEstimate> {
  return useResource(
    (signal) => call('GET /api/v1/models/{id}/estimate', { params: { id: model.id }, query: wish, signal }),
    [model.id, wish.context, wish.parallel],
  );
}
