/** The tus 1.0 protocol over files/uploads: headers in, headers out. */
import { MAX_UPLOAD_BYTES, TUS_EXTENSIONS, TUS_VERSION, uploadEndpoints, type Upload } from '../../contract/uploads.ts';
import type { Uploads } from '../../files/uploads.ts';
import { fail } from '../../kernel/fail.ts';
import { listUploads, readUpload } from '../../store/uploads.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Call, type Route } from '../route.ts';

const OFFSET_STREAM = 'application/offset+octet-stream';
const always = { 'tus-resumable': TUS_VERSION, 'cache-control': 'no-store' };

export function uploadRoutes(uploads: Uploads): readonly Route[] {
  return routesOf(uploadEndpoints, {
    'GET /api/v1/uploads': async (call) => {
      const { limit, after } = call.query;
      const cursor = await call.cursor();
      return {
        body: pageOf(await listUploads(call.sql, { orgId: call.caller.orgId, after, limit: limit + 1 }), { limit, after: (upload) => upload.id, cursor }),
      };
    },
    'POST /api/v1/uploads': async (call) => {
      requireVersion(call);
      const metadata = parseMetadata(call.header('upload-metadata') ?? '');
      const { orgId, userId } = call.caller;
      const made = await uploads.create({
        id: call.newId('up'),
        orgId,
        userId,
        path:
          metadata.get('path') ??
          metadata.get('filename') ??
          fail('invalid_body', 'Upload-Metadata needs path (or filename), base64: where the file is to be kept.'),
        mediaType: metadata.get('filetype') ?? '',
        length: wholeNumber(call.header('upload-length'), 'Upload-Length'),
      });
      const hasBytes = call.header('content-type') === OFFSET_STREAM;
      const headers = hasBytes || made.length === 0 ? await append(uploads, call, { id: made.id, offset: 0 }) : progressHeaders(made);
      return new Response(null, { status: 201, headers: { ...headers, location: `${call.peer.prefix}/api/v1/uploads/${made.id}` } });
    },
    'GET /api/v1/uploads/{id}': async (call) => {
      const upload =
        (await readUpload(call.sql, { orgId: call.caller.orgId, id: call.params.id })) ??
        fail('not_found', `There is no upload ${call.params.id}; a finished one is a file.`);
      const headers = { ...progressHeaders(upload), 'upload-length': String(upload.length) };
      return call.request.method === 'HEAD' ? new Response(null, { headers }) : { body: upload, headers };
    },
    'PATCH /api/v1/uploads/{id}': async (call) => {
      requireVersion(call);
      if (call.header('content-type') !== OFFSET_STREAM) fail('invalid_body', `The next bytes come as Content-Type: ${OFFSET_STREAM}.`);
      const headers = await append(uploads, call, { id: call.params.id, offset: wholeNumber(call.header('upload-offset'), 'Upload-Offset') });
      return new Response(null, { status: 204, headers });
    },
    'DELETE /api/v1/uploads/{id}': async (call) => {
      requireVersion(call);
      await uploads.terminate({ orgId: call.caller.orgId, id: call.params.id });
      return new Response(null, { status: 204, headers: always });
    },
    'OPTIONS /api/v1/uploads': () =>
      new Response(null, {
        status: 204,
        headers: { ...always, 'tus-version': TUS_VERSION, 'tus-extension': TUS_EXTENSIONS, 'tus-max-size': String(MAX_UPLOAD_BYTES) },
      }),
  });
}

async function append(
  uploads: Uploads,
  call: Pick<Call, 'caller' | 'request' | 'requestId' | 'signal'>,
  at: { readonly id: string; readonly offset: number },
): Promise<Record<string, string>> {
  const source = call.request.body ?? noBytes();
  const { received, expiresAt, file } = await uploads.append({ ...at, orgId: call.caller.orgId, source, requestId: call.requestId, signal: call.signal });
  return { ...always, 'upload-offset': String(received), ...(file === undefined ? { 'upload-expires': expiresAt.toUTCString() } : { 'studio-file': file.id }) };
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

function progressHeaders(upload: Upload): Record<string, string> {
  return { ...always, 'upload-offset': String(upload.received), 'upload-expires': new Date(upload.expiresAt).toUTCString() };
}

function requireVersion(call: Pick<Call, 'header'>): void {
  const version = call.header('tus-resumable');
  if (version !== TUS_VERSION)
    fail('stale_version', {
      message: `This server speaks tus ${TUS_VERSION}; send Tus-Resumable: ${TUS_VERSION}, not "${version ?? ''}".`,
      details: { 'tus-version': TUS_VERSION },
    });
}

function wholeNumber(text: string | undefined, name: string): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : fail('invalid_body', `${name} is a whole number of bytes; got "${text ?? 'nothing'}".`);
}

/** `key base64,key base64`. @throws AppError invalid_body */
function parseMetadata(text: string): ReadonlyMap<string, string> {
  if (text.trim() === '') return new Map();
  return new Map(
    text.split(',').map((pair): [string, string] => {
      const [key = '', value = ''] = pair.trim().split(' ');
      const bytes = Buffer.from(value, 'base64');
      if (key === '' || bytes.toString('base64').replace(/=+$/, '') !== value.replace(/=+$/, ''))
        fail('invalid_body', `Upload-Metadata: "${pair.trim().slice(0, 80)}" is not a key and a base64 value.`);
      return [key, bytes.toString()];
    }),
  );
}
