/** What lies in a base backup's tar: unpacked into a folder or only looked at, and held against the manifest that PostgreSQL made of it.
 *  Never writes outside the folder it is given, and nothing but plain files and folders; never starts a server on them. */
import { createHash } from 'node:crypto';
import { chown, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createTarDecoder } from 'modern-tar';

export interface UnpackOptions {
  /** Default: nothing is written. It must be empty. */
  readonly folder?: string;
  /** Whether a file or folder of this name is written; looked at it is in any case. Default: all. @throws Error to end the reading there */
  readonly keeps?: (name: string) => boolean;
  /** Whose the files become; only as root. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

interface FileFacts {
  readonly size: number;
  readonly sha256: string;
}

/** Path inside the data directory to what was found there. */
export type BaseContents = ReadonlyMap<string, FileFacts>;

/** Reads the whole tar. @throws Error when it is cut off, or holds what a data directory does not */
export async function readBase(tar: AsyncIterable<Uint8Array>, options: UnpackOptions = {}): Promise<BaseContents> {
  const files = new Map<string, FileFacts>();
  // Folders hold others: each is synced by whoever needs it to last.
  for await (const { header, body } of ReadableStream.from(tar).pipeThrough(createTarDecoder({ strict: true }))) {
    options.signal?.throwIfAborted();
    const name = safeName(header.name);
    const isKept = options.keeps?.(name) ?? true;
    const path = options.folder === undefined || !isKept ? undefined : join(options.folder, name);
    if (header.type === 'directory') {
      await body.cancel();
      if (path !== undefined) await makeFolder(path, options.account);
    } else if (header.type === 'file' || header.type === undefined) {
      if (path !== undefined) await makeFolder(dirname(path), undefined);
      const facts = await readFile(body, path, options);
      if (facts.size !== header.size) throw new Error(`The base backup is cut off in ${name}: ${facts.size} of ${header.size} bytes.`);
      files.set(name, facts);
    } else throw new Error(`The base backup holds ${name}, a ${header.type}: only files and folders are taken.`);
  }
  return files;
}

function safeName(name: string): string {
  const plain = name.replace(/^\.\//, '').replace(/\/+$/, '');
  if (name.startsWith('/') || plain.includes('\0') || plain.includes('\\') || plain.split('/').includes('..'))
    throw new Error(`The base backup names ${JSON.stringify(name.slice(0, 120))}, which leads out of its folder.`);
  return plain;
}

async function makeFolder(path: string, account: UnpackOptions['account']): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (account !== undefined) await chown(path, account.uid, account.gid);
}

async function readFile(body: ReadableStream<Uint8Array>, path: string | undefined, { account, onBytes }: UnpackOptions): Promise<FileFacts> {
  const hash = createHash('sha256');
  let size = 0;
  const file = path === undefined ? undefined : await open(path, 'wx', 0o600);
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      size += chunk.length;
      await file?.writeFile(chunk);
      onBytes?.(chunk.length);
    }
    if (account !== undefined) await file?.chown(account.uid, account.gid);
  } finally {
    await file?.close();
  }
  return { size, sha256: hash.digest('hex') };
}

interface Manifest {
  readonly Files: readonly { readonly Path?: string; readonly 'Encoded-Path'?: string; readonly Size: number; readonly Checksum?: string }[];
}

/** Made or changed while the backup ran, and listed nowhere. */
const UNLISTED = /^(pg_wal\/|backup_manifest$)/;

/** @throws Error naming the first file that is missing, too many, or other than the manifest says; or that the manifest itself is damaged */
export function requireManifest(manifest: Buffer, contents: BaseContents): void {
  const files = readManifest(manifest);
  for (const [path, { size, checksum }] of files) {
    const found = contents.get(path);
    if (found === undefined) throw new Error(`${path} is missing from the base backup.`);
    if (found.size !== size || found.sha256 !== checksum) throw new Error(`${path} is damaged in the base backup: its SHA-256 or size is not the manifest's.`);
  }
  const extra = [...contents.keys()].find((path) => !files.has(path) && !UNLISTED.test(path));
  if (extra !== undefined) throw new Error(`${extra} is in the base backup, but not in its manifest.`);
}

function readManifest(manifest: Buffer): ReadonlyMap<string, { readonly size: number; readonly checksum: string }> {
  // The last line holds the checksum of all lines before it.
  const at = manifest.lastIndexOf('"Manifest-Checksum"');
  const wanted = /^"Manifest-Checksum":\s*"([0-9a-f]{64})"/.exec(manifest.subarray(Math.max(0, at)).toString('utf8'))?.[1];
  if (at < 0 || wanted !== createHash('sha256').update(manifest.subarray(0, at)).digest('hex')) throw new Error('The manifest of the base backup is damaged.');
  const { Files } = JSON.parse(manifest.toString('utf8')) as Manifest;
  return new Map(
    Files.map((file) => [file.Path ?? Buffer.from(file['Encoded-Path'] ?? '', 'hex').toString('utf8'), { size: file.Size, checksum: file.Checksum ?? '' }]),
  );
}
