/** Resumable uploads: tus 1.0 (core, creation, creation-with-upload, expiration, termination). A finished upload is a file.
 *  HEAD is answered by the GET of the same path: its headers say the offset. @see https://tus.io/protocols/resumable-upload */
import * as z from 'zod';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';

export const TUS_VERSION = '1.0.0';
export const TUS_EXTENSIONS = 'creation,creation-with-upload,expiration,termination';
/** 100 GiB: the largest model file of one piece that people move today fits. */
export const MAX_UPLOAD_BYTES = 100 * 1024 ** 3;

const id = z.strictObject({ id: z.string().max(64) });

export const upload = z.strictObject({
  id: z.string(),
  path: z.string(),
  mediaType: z.string(),
  length: z.int(),
  /** Bytes that are safe on disk: where to go on. */
  received: z.int(),
  createdAt: timestamp,
  expiresAt: timestamp,
});
export type Upload = z.infer<typeof upload>;

export const uploadEndpoints = [
  endpoint({
    key: 'GET /api/v1/uploads',
    tag: 'files',
    summary: 'List unfinished uploads',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(upload),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/uploads',
    tag: 'files',
    summary: 'Begin a resumable upload (tus creation)',
    description:
      'Headers: Tus-Resumable: 1.0.0, Upload-Length, Upload-Metadata with path (or filename) and filetype, base64. A body of application/offset+octet-stream is taken as the first bytes.',
    bodyKind: 'bytes',
    status: 201,
    reply: noReply,
    errors: ['invalid_body', 'stale_version', 'too_large', 'disk_full'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/uploads/{id}',
    tag: 'files',
    summary: 'Where an upload stands; HEAD gives the headers only',
    params: id,
    status: 200,
    reply: upload,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'PATCH /api/v1/uploads/{id}',
    tag: 'files',
    summary: 'Send the next bytes (tus)',
    description: 'Headers: Tus-Resumable, Upload-Offset, Content-Type: application/offset+octet-stream. The last byte stores the file.',
    params: id,
    bodyKind: 'bytes',
    status: 204,
    reply: noReply,
    errors: ['invalid_body', 'not_found', 'conflict', 'stale_version', 'too_large', 'disk_full'],
    streams: true,
  }),
  endpoint({
    key: 'DELETE /api/v1/uploads/{id}',
    tag: 'files',
    summary: 'Give an upload up (tus termination)',
    params: id,
    status: 204,
    reply: noReply,
    errors: ['not_found'],
  }),
  endpoint({ key: 'OPTIONS /api/v1/uploads', tag: 'files', summary: 'What the server can do (tus)', status: 204, reply: noReply }),
] as const;
