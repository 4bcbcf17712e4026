/** Sending a file: in one PUT when small, in resumable pieces (tus 1.0) when large, so that a dropped line costs one piece.
 *  XMLHttpRequest, because fetch tells no progress of what it sends. */
import { ApiError, baseUrl, readReply, urlOf } from './api.ts';

// Below: one request, sent again whole if it fails. Above: pieces that finish within a minute at 2 Mbit/s.
const RESUMABLE_FROM_BYTES = 32 * 1024 * 1024;
const PIECE_BYTES = 16 * 1024 * 1024;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 20_000] as const;

export interface UploadOptions {
  /** Its name in the org's files. */
  readonly path: string;
  readonly file: File;
  readonly onProgress: (sentBytes: number) => void;
  readonly signal: AbortSignal;
}

/** Sends a file. @throws ApiError: refused, or still failing after the retries */
export async function uploadFile(options: UploadOptions): Promise<void> {
  if (options.file.size <= RESUMABLE_FROM_BYTES) await putWhole(options);
  else await putInPieces(options);
}

/** Posts a file to a URL of Studio. @returns the answer's JSON  @throws ApiError: refused, given up, or the line broke */
export async function postFile(options: {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly file: File;
  readonly onProgress: (sentBytes: number) => void;
  readonly signal: AbortSignal;
}): Promise<unknown> {
  const { file, ...rest } = options;
  const request = await send({ ...rest, method: 'POST', body: file });
  return readReply({ ok: true, status: request.status, headers: new Headers() }, request.responseText);
}

async function putWhole({ path, file, onProgress, signal }: UploadOptions): Promise<void> {
  await withRetries(signal, () =>
    send({
      method: 'PUT',
      url: urlOf('/api/v1/files/{path+}', { path }),
      headers: { 'content-type': file.type === '' ? 'application/octet-stream' : file.type },
      body: file,
      onProgress,
      signal,
    }),
  );
}

async function putInPieces({ path, file, onProgress, signal }: UploadOptions): Promise<void> {
  const tus = { 'tus-resumable': '1.0.0' };
  const metadata = `path ${base64(path)},filetype ${base64(file.type === '' ? 'application/octet-stream' : file.type)}`;
  const made = await withRetries(signal, () =>
    send({
      method: 'POST',
      url: new URL('api/v1/uploads', baseUrl()),
      headers: { ...tus, 'upload-length': String(file.size), 'upload-metadata': metadata },
      signal,
    }),
  );
  const id = made.getResponseHeader('location')?.split('/').at(-1) ?? '';
  const url = urlOf('/api/v1/uploads/{id}', { id });
  let offset = 0;
  // Serial: a piece begins where the one before it ended.
  while (offset < file.size) {
    offset = await withRetries(signal, async (attempt) => {
      const from = attempt === 0 ? offset : offsetOf(await send({ method: 'HEAD', url, headers: tus, signal }));
      const piece = file.slice(from, from + PIECE_BYTES);
      const headers = { ...tus, 'upload-offset': String(from), 'content-type': 'application/offset+octet-stream' };
      return offsetOf(await send({ method: 'PATCH', url, headers, body: piece, onProgress: (sent) => onProgress(from + sent), signal }));
    });
  }
}

function offsetOf(reply: XMLHttpRequest): number {
  const offset = Number(reply.getResponseHeader('upload-offset') ?? Number.NaN);
  if (!Number.isInteger(offset))
    throw new ApiError({
      status: reply.status,
      code: 'bad_reply',
      message: 'The answer to a piece of the upload named no offset. A proxy in between may have answered.',
    });
  return offset;
}

interface SendOptions {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Blob;
  readonly onProgress?: (sentBytes: number) => void;
  readonly signal: AbortSignal;
}

function send(options: SendOptions): Promise<XMLHttpRequest> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(options.method, options.url);
    for (const [name, value] of Object.entries({ ...options.headers, 'x-studio-client': 'web' })) request.setRequestHeader(name, value);
    const abort = (): void => request.abort();
    options.signal.addEventListener('abort', abort, { once: true });
    request.upload.onprogress = (event) => options.onProgress?.(event.loaded);
    request.onabort = () => reject(new ApiError({ status: 0, code: 'aborted', message: 'The upload was given up.' }));
    request.onerror = () => reject(new ApiError({ status: 0, code: 'network', message: 'The connection broke while sending.' }));
    request.onload = () => {
      options.signal.removeEventListener('abort', abort);
      if (request.status < 400) resolve(request);
      else reject(refusal(request));
    };
    request.send(options.body ?? null);
  });
}

function refusal(request: XMLHttpRequest): unknown {
  try {
    const headers = new Headers({ 'retry-after': request.getResponseHeader('retry-after') ?? '' });
    return readReply({ ok: false, status: request.status, headers }, request.responseText === '' ? '{}' : request.responseText);
  } catch (error) {
    return error;
  }
}

/** Tries again what a broken line or a restarting Studio may explain; a refusal is final. */
async function withRetries<Value>(signal: AbortSignal, run: (attempt: number) => Promise<Value>): Promise<Value> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await run(attempt);
    } catch (error) {
      const delayMs = RETRY_MS[attempt];
      const worthIt = error instanceof ApiError && (error.code === 'network' || error.code === 'conflict' || error.status === 503);
      if (!worthIt || delayMs === undefined || signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
