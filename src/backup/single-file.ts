/** A backup as one tar file, with all the content it needs, and back again. Reading one trusts nothing: names that are not those of a backup, links, devices and
 *  sizes beyond what the manifest tells are refused before a byte of them is written. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createTarDecoder, createTarPacker, type ParsedTarEntry } from 'modern-tar';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import type { BackupKey } from './crypt.ts';
import { contentPath, readFileList } from './file-list.ts';
import { folderPlace } from './folder-place.ts';
import { manifestPath, partsOf, readManifest, type Manifest } from './manifest.ts';
import type { Place } from './place.ts';

export interface ExportOptions {
  readonly place: Place;
  readonly manifest: Manifest;
  readonly key: BackupKey | undefined;
  readonly signal: AbortSignal;
}

/** The manifest first: who reads the file knows at once what it is. */
export function exportBackup(options: ExportOptions): ReadableStream<Uint8Array> {
  const { readable, controller } = createTarPacker();
  void (async () => {
    const seen = new Set<string>();
    for await (const path of pathsOf(options)) {
      if (seen.has(path)) continue;
      seen.add(path);
      const size = (await options.place.size(path)) ?? fail('backup_unusable', `${path} is missing at ${options.place.label}. Use another backup.`);
      const writer = controller.add({ name: path, size, mode: 0o600, type: 'file' }).getWriter();
      for await (const chunk of (await options.place.read(path, options.signal)) as AsyncIterable<Buffer>) {
        options.signal.throwIfAborted();
        await writer.write(chunk); // In order: who reads slowly holds it back.
      }
      await writer.close();
    }
    controller.finalize();
  })().catch((error: unknown) => controller.error(error));
  return readable;
}

async function* pathsOf({ place, manifest, key, signal }: ExportOptions): AsyncGenerator<string> {
  yield manifestPath(manifest.id);
  for (const part of partsOf(manifest)) yield part.path;
  for await (const file of readFileList({ place, manifest, key, signal })) yield contentPath(manifest.workspaceId, file.sha256, key);
}

const ENTRY =
  /^(backups\/(bak_[0-9a-z]{26})\/(manifest\.json|[a-z0-9_]+(\.[a-z0-9]+){1,3})|content\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\/(plain|[0-9a-f]{16})\/[0-9a-f]{2}\/[0-9a-f]{64})$/;
const MAX_MANIFEST_BYTES = 16 * 1024 ** 2;

/** Takes a file apart into a folder that is empty. @returns the id of its backup  @throws AppError backup_unusable naming what in it is no backup's */
export async function importBackup(options: { readonly file: string; readonly folder: string; readonly signal: AbortSignal }): Promise<string> {
  const place = folderPlace(options.folder);
  const damaged = (why: string): never => fail('backup_unusable', `${options.file} ${why}. Nothing was changed; use another backup.`);
  const input = createReadStream(options.file);
  await once(input, 'open');
  const { readable, writable } = createTarDecoder({ strict: true });
  const reading = (Readable.toWeb(input) as ReadableStream<Uint8Array>).pipeTo(writable, { signal: options.signal });
  reading.catch(() => undefined); // Told by the entries.
  let manifest: Manifest | undefined;
  const sizes = new Map<string, number>();
  try {
    for await (const entry of readable as AsyncIterable<ParsedTarEntry>) {
      const { name, size, type = 'file' } = entry.header;
      const match = ENTRY.exec(name);
      if (type !== 'file' || match === null) return damaged(`holds "${name.slice(0, 200)}" (${type}), which no backup of Studio does`);
      if (sizes.has(name)) return damaged(`holds "${name}" twice`);
      const id = match[2];
      if (manifest === undefined) {
        if (id === undefined || name !== manifestPath(id)) return damaged('does not begin with the manifest of a backup');
        if (size > MAX_MANIFEST_BYTES) return damaged(`has a manifest of ${size} bytes, more than any backup's`);
      } else {
        const told = partsOf(manifest).find(({ path }) => path === name);
        if (id !== undefined && told === undefined) return damaged(`holds "${name}", of which its manifest does not tell`);
        if (told !== undefined && told.bytes !== size) return damaged(`holds "${name}" with ${size} bytes, its manifest tells ${told.bytes}`);
        if (!name.startsWith(`content/${manifest.workspaceId}/`) && told === undefined) return damaged(`holds "${name}", which is another workspace's`);
      }
      await place.write(name, entry.body as unknown as AsyncIterable<Uint8Array>, options.signal);
      sizes.set(name, size);
      manifest ??= await readManifest(place, id ?? '');
    }
    await reading;
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    return damaged(`can't be read as a backup: ${messageOf(error)}`);
  } finally {
    input.destroy();
  }
  return manifest?.id ?? damaged('is empty');
}
