/** Puts the bytes of files into the store that all backups of a place share: what lies there already is not written again. Checks what it reads by its hash,
 *  so that a file that rotted in the workspace is named now, not at the restore. */
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { BackupKey } from './crypt.ts';
import { contentFolder, contentPath, linesOf, readFileList, type ListedFile } from './file-list.ts';
import { partPath, readManifest, type Manifest } from './manifest.ts';
import { labelOf, writePart } from './part.ts';
import type { Place } from './place.ts';
import type { Progress } from '../kernel/progress.ts';

export interface FileSource {
  readonly orgId: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface StoreOptions {
  readonly id: string;
  readonly place: Place;
  readonly key: BackupKey | undefined;
  readonly workspacePath: string;
  readonly workspaceId: string;
  readonly content: readonly FileSource[];
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface StoredFiles {
  readonly files: Manifest['files'];
  /** Whose bytes were not there, or not those of their hash. */
  readonly lost: readonly string[];
}

/** What lies at the place already, by path, as an earlier backup of the same key listed it. LIMIT: in memory, some 300 bytes a file. */
type Known = ReadonlyMap<string, ListedFile['stored']>;

export async function storeFiles(options: StoreOptions): Promise<StoredFiles> {
  const known = await readKnown(options);
  const lost: string[] = [];
  let [count, bytes, newBytes] = [0, 0, 0];
  const take = async (source: Found): Promise<ListedFile | undefined> => {
    const stored = await storeOne(options, known, source);
    options.progress.add(source.bytes, source.name);
    if (stored === undefined) return void lost.push(source.name);
    count++;
    bytes += source.bytes;
    if (stored.isNew) newBytes += stored.facts.bytes;
    return { ...source.where, sha256: source.sha256, bytes: source.bytes, stored: stored.facts };
  };
  async function* list(): AsyncGenerator<ListedFile> {
    for (const one of options.content) {
      const path = join(options.workspacePath, 'files', one.orgId, one.sha256.slice(0, 2), one.sha256);
      // Serial: one disk; and the list is in order.
      const listed = await take({ path, where: { org: one.orgId }, name: `${one.orgId}/${one.sha256.slice(0, 12)}`, sha256: one.sha256, bytes: one.bytes });
      if (listed !== undefined) yield listed;
    }
    for await (const name of workspaceFiles(options.workspacePath)) {
      const path = join(options.workspacePath, name);
      const facts = await hashUpTo(path);
      const listed = facts === undefined ? undefined : await take({ path, where: { path: name }, name, ...facts });
      if (listed !== undefined) yield listed;
    }
  }
  const name = 'files.jsonl.zst';
  const written = await writePart({ ...options, path: partPath(options.id, name), label: labelOf(options.id, name), source: linesOf(list()) });
  return { files: { part: { name, ...written.stored }, count, bytes, newBytes }, lost };
}

interface Found {
  readonly path: string;
  readonly where: { readonly org: string } | { readonly path: string };
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** @returns undefined when the bytes are not those of the hash */
async function storeOne(
  options: StoreOptions,
  known: Known,
  source: Found,
): Promise<{ readonly facts: ListedFile['stored']; readonly isNew: boolean } | undefined> {
  const target = contentPath(options.workspaceId, source.sha256, options.key);
  const there = known.get(target);
  if (there !== undefined) return { facts: there, isNew: false };
  const file = await openPlain(source.path);
  if (file === undefined) return undefined;
  try {
    const stream =
      source.bytes === 0 ? none() : (file.createReadStream({ autoClose: false, end: source.bytes - 1, highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>);
    const written = await writePart({ ...options, path: target, label: source.sha256, source: stream });
    if (written.raw.sha256 === source.sha256) return { facts: written.stored, isNew: true };
    await options.place.remove([target]);
    return undefined;
  } finally {
    await file.close();
  }
}

async function* none(): AsyncGenerator<Buffer> {
  // A file without bytes.
}

/** What the newest whole backup of the same key listed and what still lies there with the size that it had. */
async function readKnown({ place, key, signal, id, workspaceId }: StoreOptions): Promise<Known> {
  const sizes = new Map<string, number>();
  for await (const entry of place.list(contentFolder(workspaceId, key))) sizes.set(entry.path, entry.bytes);
  const known = new Map<string, ListedFile['stored']>();
  if (sizes.size === 0) return known;
  for (const earlier of (await listIds(place)).filter((one) => one !== id)) {
    try {
      const manifest = await readManifest(place, earlier);
      if (manifest.workspaceId !== workspaceId || manifest.encryption?.keyId !== key?.facts.keyId) continue;
      for await (const file of readFileList({ place, manifest, key, signal })) {
        const path = contentPath(workspaceId, file.sha256, key);
        if (sizes.get(path) === file.stored.bytes) known.set(path, file.stored);
      }
      return known;
    } catch {
      signal.throwIfAborted();
      // A damaged one tells nothing: the one before it may, or all is written anew.
    }
  }
  return known;
}

/** Ids of what is below `backups/`, newest first, finished or not. */
export async function listIds(place: Place): Promise<string[]> {
  const ids = new Set<string>();
  for await (const { path } of place.list('backups')) {
    const id = /^backups\/(bak_[0-9a-z]{26})\//.exec(path)?.[1];
    if (id !== undefined) ids.add(id);
  }
  return [...ids].toSorted().toReversed();
}

/** Logs of jobs and definitions of services: what a person would miss and nothing makes again. */
async function* workspaceFiles(workspacePath: string): AsyncGenerator<string> {
  const names = async (folder: string): Promise<string[]> => (await readdir(join(workspacePath, folder)).catch(() => [])).toSorted();
  for (const name of await names('services')) if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}\.(yaml|yml)$/.test(name)) yield `services/${name}`;
  for (const id of await names('jobs')) if (/^job_[0-9a-z]{1,60}$/.test(id)) yield `jobs/${id}/log`;
}

/** The hash of what the file holds now; a log may grow while it is read. @returns undefined when there is no such plain file */
async function hashUpTo(path: string): Promise<{ readonly sha256: string; readonly bytes: number } | undefined> {
  const file = await openPlain(path);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256');
    if (size > 0) for await (const chunk of file.createReadStream({ autoClose: false, end: size - 1 }) as AsyncIterable<Buffer>) hash.update(chunk);
    return { sha256: hash.digest('hex'), bytes: size };
  } finally {
    await file.close();
  }
}

/** Never a link, a device or a folder: nobody makes us read another's file. */
async function openPlain(path: string) {
  // Not blocking: a pipe put there would hold the open for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined);
  if (file === undefined || (await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}
