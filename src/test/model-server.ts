/** A hub of models that a test owns: repositories and plain files on the loopback, served well, or in every way that servers serve badly. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a file is served. What is absent is served as it should be. */
export interface Behaviour {
  /** Answers this instead, so many times (default: always). */
  readonly status?: number;
  readonly times?: number;
  readonly retryAfterS?: number;
  /** Knows no ranges. */
  readonly ignoresRange?: boolean;
  /** Says no Content-Length. */
  readonly hidesLength?: boolean;
  /** Cuts the line after so many bytes of each answer. */
  readonly cutsAfter?: number;
  /** Says the file has so many bytes more than it has. */
  readonly liesBy?: number;
  /** Another content with another ETag from the n-th request on. */
  readonly changesAt?: number;
  /** Other bytes than were published, under the same ETag; from the first request on. */
  readonly isForged?: boolean;
  /** Answers a web page with 200. */
  readonly html?: 'typed' | 'untyped';
  /** Takes the request and never answers. */
  readonly isSilent?: boolean;
  /** Bytes a second of each answer. */
  readonly bytesPerS?: number;
  /** Sends there with 302. */
  readonly redirect?: string;
  /** Needs this token. */
  readonly token?: string;
}

export interface Asked {
  readonly path: string;
  readonly range: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

export interface ModelServer {
  readonly url: string;
  /** As allowed hosts are written. */
  readonly host: string;
  readonly asked: Asked[];
  /** Requests of file bytes that are being answered. */
  open: number;
  /** A repository: its files by name. @param large names that have a sha256, as those in LFS do; default: all */
  repo(name: string, files: Readonly<Record<string, Buffer>>, large?: readonly string[]): void;
  file(path: string, content: Buffer): void;
  /** How a path is served from now on: `/o/r/resolve/…/name`, `/api/models/o/r`, or a plain file's; matched by its end. */
  behave(pathEnd: string, behaviour: Behaviour): void;
  close(): Promise<void>;
}

const COMMIT = 'c0ffee0000000000000000000000000000000001';

export async function modelServer(): Promise<ModelServer> {
  const repos = new Map<string, { readonly files: Readonly<Record<string, Buffer>>; readonly large: readonly string[] }>();
  const plain = new Map<string, Buffer>();
  const behaviours = new Map<string, { readonly is: Behaviour; count: number }>();
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    const path = decodeURIComponent(pathname);
    made.asked.push({ path, range: request.headers.range, headers: request.headers });
    const [, found] = [...behaviours].find(([end]) => path.endsWith(end)) ?? [];
    const is = found?.is ?? {};
    const nth = found === undefined ? 0 : ++found.count;
    if (is.isSilent === true) return;
    if (is.token !== undefined && request.headers.authorization !== `Bearer ${is.token}`) return void response.writeHead(401).end();
    if (is.status !== undefined && nth <= (is.times ?? Infinity))
      return void response.writeHead(is.status, is.retryAfterS === undefined ? {} : { 'retry-after': String(is.retryAfterS) }).end('no');
    if (is.redirect !== undefined) return void response.writeHead(302, { location: is.redirect }).end();
    if (is.html !== undefined)
      return void response.writeHead(200, is.html === 'typed' ? { 'content-type': 'text/html' } : {}).end('<!DOCTYPE html><html>Log in</html>');
    const listed = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/main$/.exec(path)?.[1];
    if (listed !== undefined) return list(listed, response);
    const content = contentOf(path);
    if (content === undefined) return void response.writeHead(404).end();
    made.open++;
    response.once('close', () => made.open--);
    await serve(request, response, { content, is, nth });
  }

  function list(name: string, response: ServerResponse): void {
    const repo = repos.get(name);
    if (repo === undefined) return void response.writeHead(404).end();
    const siblings = Object.entries(repo.files).map(([rfilename, content]) => ({
      rfilename,
      size: content.length,
      blobId: createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex'),
      ...(repo.large.includes(rfilename) ? { lfs: { sha256: sha256(content), size: content.length } } : {}),
    }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ sha: COMMIT, siblings }));
  }

  function contentOf(path: string): Buffer | undefined {
    const match = /^\/([^/]+\/[^/]+)\/resolve\/(?:main|c0ffee\w+)\/(.+)$/.exec(path);
    return match?.[1] === undefined ? plain.get(path) : repos.get(match[1])?.files[match[2] ?? ''];
  }

  const made: ModelServer = {
    url: `http://${host}`,
    host,
    asked: [],
    open: 0,
    repo: (name, files, large = Object.keys(files)) => void repos.set(name, { files, large }),
    file: (path, content) => void plain.set(path, content),
    behave: (pathEnd, is) => void behaviours.set(pathEnd, { is, count: 0 }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return made;
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

interface Serving {
  readonly content: Buffer;
  readonly is: Behaviour;
  readonly nth: number;
}

async function serve(request: IncomingMessage, response: ServerResponse, { content, is, nth }: Serving): Promise<void> {
  const isOther = is.isForged === true || (is.changesAt !== undefined && nth >= is.changesAt);
  const bytes = isOther ? Buffer.from(content.map((byte) => byte ^ 1)) : content;
  const etag = `"${sha256(is.isForged === true ? content : bytes)}"`;
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const total = bytes.length + (is.liesBy ?? 0);
  const from = asked?.[1] === undefined || is.ignoresRange === true ? 0 : Number(asked[1]);
  const isPart = asked !== null && is.ignoresRange !== true;
  if (isPart && from >= total) return void response.writeHead(416, { 'content-range': `bytes */${total}` }).end();
  const to = isPart && asked[2] !== '' ? Math.min(Number(asked[2]) + 1, total) : total;
  const length: Record<string, string> = is.hidesLength === true ? {} : { 'content-length': String(to - from) };
  const range: Record<string, string> = isPart ? { 'content-range': `bytes ${from}-${to - 1}/${total}` } : {};
  response.writeHead(isPart ? 206 : 200, { etag, 'content-type': 'application/octet-stream', ...length, ...range });
  await send(response, bytes.subarray(from, Math.min(to, bytes.length)), is);
}

async function send(response: ServerResponse, bytes: Buffer, is: Behaviour): Promise<void> {
  const step = is.bytesPerS === undefined ? 64 * 1024 : Math.max(1, Math.round(is.bytesPerS / 50));
  let sent = 0;
  // Serial: at the pace that is asked for.
  while (sent < bytes.length && !response.destroyed) {
    const next = bytes.subarray(sent, Math.min(sent + step, is.cutsAfter ?? Infinity));
    if (next.length === 0) return void setTimeout(() => response.destroy(), 5);
    await new Promise((resolve) => response.write(next, resolve));
    sent += next.length;
    if (is.bytesPerS !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (is.liesBy === undefined) response.end();
  else setTimeout(() => response.destroy(), 5);
}
