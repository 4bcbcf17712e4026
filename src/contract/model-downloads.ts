/** Downloads of models over the API: begun, followed, paused, cancelled. */
import * as z from 'zod';
import { endpoint, json, page, pageQuery, timestamp } from './endpoint.ts';
import { waitReason } from './instances.ts';
import { repoName, repoRevision } from './model-estimates.ts';
import { modelName, modelOwner, modelSource } from './models.ts';
import { downloadStatuses } from './values.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 is 64 of 0 to 9 and a to f');
const downloadError = z.strictObject({ code: z.string(), message: z.string() });
export type DownloadError = z.infer<typeof downloadError>;

const downloadFile = z.strictObject({
  name: z.string(),
  /** Null: the server does not say. */
  bytes: z.int().nullable(),
  done: z.int(),
  sha256: z.string().nullable(),
  state: z.enum(['waiting', 'running', 'verifying', 'done']),
});

export const download = z.strictObject({
  id: z.string(),
  /** Null: the model was deleted since. */
  modelId: z.string().nullable(),
  modelName: z.string(),
  owner: modelOwner,
  status: z.enum(downloadStatuses),
  source: modelSource,
  files: z.array(downloadFile),
  bytesDone: z.int(),
  /** Null: a server did not say how much there is. */
  bytesTotal: z.int().nullable(),
  /** Bytes a second of late; null: it does not run, or just began. */
  rate: z.int().nullable(),
  /** Ms; null: nobody knows. */
  leftMs: z.int().nullable(),
  waitReason: waitReason.optional(),
  error: downloadError.optional(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  seq: z.int(),
});
export type Download = z.infer<typeof download>;

export const startDownload = z.strictObject({
  repo: repoName.optional(),
  url: z.string().min(1).max(8_192).optional(),
  /** Of a repository: names, `*` stands for any part of one. Default: the quantisation named, else Q4_K_M; of other formats all that is needed. */
  files: z.array(z.string().min(1).max(512)).min(1).max(1_000).optional(),
  revision: repoRevision.optional(),
  /** Of a URL: what its bytes must hash to. */
  sha256: sha256.optional(),
  /** Default: made from the repository or the file. */
  name: modelName.optional(),
  owner: modelOwner.default('machine'),
  engine: z.enum(['llama', 'service']).optional(),
  settings: z.record(z.string().max(64), json).optional(),
});
export type StartDownload = z.infer<typeof startDownload>;

const downloadId = { params: z.strictObject({ id: z.string().max(64) }), status: 200, reply: download } as const;

export const modelDownloadEndpoints = [
  endpoint({
    key: 'POST /api/v1/models/downloads',
    tag: 'models',
    summary: 'Download a model',
    description:
      'From a repository of Hugging Face (or the mirror in HF_ENDPOINT) or a URL. The secret HF_TOKEN is sent to that host alone. Asked for again, the download that there is answers.',
    body: startDownload,
    status: 201,
    reply: download,
    errors: ['invalid_body', 'conflict', 'upstream_failed', 'disk_full', 'queue_full'],
  }),
  endpoint({
    key: 'GET /api/v1/models/downloads',
    tag: 'models',
    summary: 'List downloads',
    query: z.strictObject({ ...pageQuery, status: z.string().max(200).optional() }),
    status: 200,
    reply: page(download),
    errors: ['invalid_query'],
  }),
  endpoint({ key: 'GET /api/v1/models/downloads/{id}', tag: 'models', summary: 'Read a download', ...downloadId, errors: ['not_found'] }),
  endpoint({
    key: 'POST /api/v1/models/downloads/{id}/pause',
    tag: 'models',
    summary: 'Pause a download; what came is kept',
    ...downloadId,
    errors: ['not_found', 'illegal_transition'],
  }),
  endpoint({
    key: 'POST /api/v1/models/downloads/{id}/resume',
    tag: 'models',
    summary: 'Go on with a paused or failed download',
    ...downloadId,
    errors: ['not_found', 'illegal_transition', 'disk_full'],
  }),
  endpoint({
    key: 'POST /api/v1/models/downloads/{id}/cancel',
    tag: 'models',
    summary: 'Cancel a download and delete what came',
    ...downloadId,
    errors: ['not_found', 'illegal_transition'],
  }),
] as const;
