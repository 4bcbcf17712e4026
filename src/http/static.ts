/** The UI's files: a closed list read from the build's folder (a path that is not in it is not looked for), and its page for every
 *  other path. All URLs of the UI are relative: the page is told the way up to its root, so any path prefix works. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { pagePolicy } from './headers.ts';
import { pageFor, readPage, type PageText } from './page-preloads.ts';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};
const ENCODINGS = [
  { name: 'br', extension: '.br' },
  { name: 'gzip', extension: '.gz' },
] as const;
/** First segments that belong to the API and the machine, in whatever spelling: never answered by a page. */
const RESERVED = new Set(['api', 'health', 'metrics', 'webhooks', 'v1']);

export interface StaticUi {
  /** A file or the page; undefined when there is no UI, or no such file. */
  serve(request: Request): Promise<Response | undefined>;
}

interface Asset {
  readonly mediaType: string;
  readonly etag: string;
  readonly isHashed: boolean;
  /** By encoding; `identity` is always there. */
  readonly bodies: ReadonlyMap<string, Buffer>;
}

interface Build {
  readonly mtimeMs: number;
  readonly page: PageText;
  readonly assets: ReadonlyMap<string, Asset>;
}

/** Whether a path is the API's, however it is spelt (`//api`, `/API`, `/api;x`, `/api.`, `/api/`). */
export function isReservedPath(path: string): boolean {
  const first =
    path
      .replaceAll('\\', '/')
      .split('/')
      .find((segment) => segment !== '') ?? '';
  return RESERVED.has(first.toLowerCase().replace(/[^a-z0-9_-].*$/s, ''));
}

/** @param dir the built UI (dist/web): index.html, and assets/ named by their content, with .br and .gz beside them */
export function createStaticUi(dir: string): StaticUi {
  let loaded: Promise<Build | undefined> | undefined;
  let loadedMtimeMs = -1;
  const current = async (): Promise<Build | undefined> => {
    const { mtimeMs } = await stat(join(dir, 'index.html')).catch(() => ({ mtimeMs: 0 }));
    if (mtimeMs === 0) return undefined;
    if (mtimeMs !== loadedMtimeMs) {
      loadedMtimeMs = mtimeMs;
      loaded = load(dir, mtimeMs);
    }
    return loaded;
  };
  return {
    async serve(request) {
      const build = await current();
      if (build === undefined) return undefined;
      const { pathname, search } = new URL(request.url);
      const asset = build.assets.get(pathname.slice(1));
      if (asset !== undefined) return assetResponse(asset, request.headers);
      if (pathname.startsWith('/assets/') || pathname.includes('//')) return undefined;
      if (pathname === '/web' || pathname.startsWith('/web/')) return toRoot(pathname, search);
      return pageResponse(build.page, pathname);
    },
  };
}

async function load(dir: string, mtimeMs: number): Promise<Build> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'));
  const sources = names.filter((name) => name !== 'index.html' && !ENCODINGS.some(({ extension }) => name.endsWith(extension)));
  const assets = await Promise.all(sources.map(async (name) => [name, await loadAsset(dir, name, names)] as const));
  return { mtimeMs, page: readPage(await readFile(join(dir, 'index.html'), 'utf8')), assets: new Map(assets) };
}

async function loadAsset(dir: string, name: string, names: readonly string[]): Promise<Asset> {
  const plain = await readFile(join(dir, name));
  const encoded = ENCODINGS.filter(({ extension }) => names.includes(name + extension));
  const bodies = await Promise.all(
    encoded.map(async ({ name: encoding, extension }) => [encoding as string, await readFile(join(dir, name + extension))] as const),
  );
  return {
    mediaType: MEDIA_TYPES[extname(name)] ?? 'application/octet-stream',
    etag: createHash('sha256').update(plain).digest('base64url').slice(0, 22),
    isHashed: name.startsWith('assets/'),
    bodies: new Map([...bodies, ['identity', plain]]),
  };
}

function assetResponse(asset: Asset, headers: Headers): Response {
  const accepted = (headers.get('accept-encoding') ?? '').split(',').flatMap((part) => (/;\s*q=0(\.0*)?\s*$/.test(part) ? [] : [part.split(';')[0]?.trim()]));
  const encoding = ENCODINGS.find(({ name }) => accepted.includes(name) && asset.bodies.has(name))?.name ?? 'identity';
  const body = asset.bodies.get(encoding) ?? Buffer.alloc(0);
  const etag = `"${asset.etag}${encoding === 'identity' ? '' : `-${encoding}`}"`;
  const common = { etag, vary: 'Accept-Encoding', 'cache-control': asset.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache' };
  if (
    headers
      .get('if-none-match')
      ?.split(',')
      .some((given) => given.trim().replace(/^W\//, '') === etag)
  )
    return new Response(null, { status: 304, headers: common });
  return new Response(new Uint8Array(body), {
    headers: {
      ...common,
      'content-type': asset.mediaType,
      'content-length': String(body.length),
      ...(encoding === 'identity' ? {} : { 'content-encoding': encoding }),
    },
  });
}

/** The page with this response's style nonce and the way up to the UI's root. */
function pageResponse(page: PageText, pathname: string): Response {
  const nonce = randomBytes(16).toString('base64url');
  const depth = pathname.split('/').length - 2;
  const html = pageFor(page, pathname)
    .replaceAll('{{nonce}}', nonce)
    .replaceAll('{{base}}', depth === 0 ? './' : '../'.repeat(depth));
  const body = Buffer.from(html, 'utf8');
  return new Response(new Uint8Array(body), {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(body.length),
      'cache-control': 'no-cache',
      'content-security-policy': pagePolicy(nonce),
    },
  });
}

/** `/web/…` is the UI's other address: a relative redirect to its own. */
function toRoot(pathname: string, search: string): Response {
  const rest = pathname.replace(/^\/web\/*/, '').replace(/^\/+/, '');
  const up = '../'.repeat(pathname.split('/').length - 2);
  return new Response(null, { status: 302, headers: { location: `${up}./${rest}${search}`.replace(/^(\.\.\/)+\.\//, up), 'cache-control': 'no-store' } });
}
