/** Files of an org over the API. On disk they lie under names that the server makes; a path is only a name in a table. */
import * as z from 'zod';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';

export const MAX_FILE_PATH_BYTES = 512;

const CONTROL = /[\u0000-\u001f\u007f-\u009f\\]/;

/** Why `path` can't name a file; undefined when it can. 1 to 512 bytes, NFC, no `.`/`..`/empty segment, no control characters, no backslash. */
export function filePathFault(path: string): string | undefined {
  const bytes = new TextEncoder().encode(path).length;
  if (bytes < 1 || bytes > MAX_FILE_PATH_BYTES) return `a file path has 1 to ${MAX_FILE_PATH_BYTES} bytes; this one has ${bytes}`;
  if (path.normalize('NFC') !== path) return 'a file path is in Unicode normal form C';
  if (!path.isWellFormed()) return 'a file path is well-formed Unicode';
  if (CONTROL.test(path)) return 'a file path has no control characters and no backslash';
  const bad = path.split('/').find((segment) => segment === '' || segment === '.' || segment === '..');
  return bad === undefined ? undefined : `a file path has no segment "${bad}"`;
}

export const filePath = z.string().superRefine((path, context) => {
  const fault = filePathFault(path);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

export const file = z.strictObject({
  id: z.string(),
  path: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  mediaType: z.string(),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type File = z.infer<typeof file>;

const params = z.strictObject({ path: filePath });

export const fileEndpoints = [
  endpoint({
    key: 'GET /api/v1/files',
    tag: 'files',
    summary: 'List files',
    query: z.strictObject({ ...pageQuery, prefix: z.string().max(MAX_FILE_PATH_BYTES).optional() }),
    status: 200,
    reply: page(file),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'PUT /api/v1/files/{path+}',
    tag: 'files',
    summary: 'Store a file: the body is its bytes',
    params,
    bodyKind: 'bytes',
    status: 200,
    reply: file,
    errors: ['invalid_query', 'too_large', 'disk_full'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/files/{path+}',
    tag: 'files',
    summary: 'The bytes of a file (ranges work), or with ?meta its facts',
    params,
    query: z.strictObject({ meta: z.stringbool().default(false) }),
    status: 200,
    reply: z.string(),
    replyType: 'application/octet-stream',
    errors: ['invalid_query', 'not_found'],
    streams: true,
  }),
  endpoint({
    key: 'DELETE /api/v1/files/{path+}',
    tag: 'files',
    summary: 'Delete a file',
    params,
    status: 204,
    reply: noReply,
    errors: ['invalid_query', 'not_found'],
  }),
] as const;
