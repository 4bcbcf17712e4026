/** The files and artifacts of every org: rows and bytes kept in step. Never decides who may (http and engine did).
 *  One thing to know: bytes are placed and freed under `lockContent`, inside the transaction that adds or after the one that removed the row. */
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { filePathFault, type File } from '../contract/files.ts';
import type { Artifact } from '../contract/artifacts.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { NodeError } from '../nodes/kit.ts';
import type { FilePort } from '../nodes/kit-ports.ts';
import { mayFreeContent } from '../store/backup-lock.ts';
import { insertArtifact } from '../store/artifacts.ts';
import type { Database, Sql } from '../store/client.ts';
import { deleteFile, findUnreferenced, isContentReferenced, lockContent, readFile, upsertFile } from '../store/files.ts';
import { createContentStore, type ContentStore } from './content.ts';
import type { StagedContent } from './content-disk.ts';
import { mediaTypeOf } from './media-type.ts';

export interface Files {
  /** What nodes of an org may do with its files. @param instanceId whose step: the events of what it writes say so */
  of(orgId: string, instanceId?: string): FilePort;
  /** Stores a stream under a path, replacing what was there. Whole or not at all. @throws AppError invalid_query, too_large, disk_full */
  put(request: PutRequest): Promise<File>;
  /** Stores staged bytes under a path. The staged bytes are gone afterwards, also when it fails. */
  putStaged(request: Omit<PutRequest, 'source' | 'maxBytes' | 'signal'> & { readonly staged: StagedContent }): Promise<File>;
  /** @throws AppError not_found */
  get(orgId: string, path: string): Promise<File>;
  /** @throws AppError not_found */
  delete(request: { readonly orgId: string; readonly path: string; readonly requestId?: string }): Promise<void>;
  /** @throws AppError not_found when the bytes are not on disk, disk_failed when they are not what was stored */
  open(orgId: string, sha256: string, range?: { readonly start: number; readonly end: number }): Promise<Readable>;
  /** Adds artifacts in the caller's transaction; their bytes are visible when it commits. */
  placeArtifacts(sql: Sql, artifacts: readonly NewArtifactBytes[]): Promise<Artifact[]>;
  /** Frees bytes that nothing points at any more. Call after the transaction that removed the rows. */
  release(orgId: string, hashes: readonly string[]): Promise<void>;
  readonly content: ContentStore;
  /** Removes what a killed process left half-done. Call once at boot. */
  start(): Promise<void>;
  /** Removes content without a row (left by a kill between two commits). @returns how many */
  sweep(signal: AbortSignal): Promise<number>;
}

export interface PutRequest {
  readonly orgId: string;
  readonly path: string;
  readonly source: AsyncIterable<Uint8Array>;
  readonly maxBytes: number;
  readonly mediaType?: string | undefined;
  readonly requestId?: string | undefined;
  /** Whose step wrote it. */
  readonly instanceId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface NewArtifactBytes {
  readonly orgId: string;
  readonly name: string;
  readonly staged: StagedContent;
  readonly jobId?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly stepPath?: string | undefined;
}

/** 10 GiB: one plain PUT; larger ones come as resumable uploads, which survive a cut. */
export const MAX_PUT_BYTES = 10 * 1024 ** 3;

export interface FilesParts {
  readonly database: Database;
  readonly workspacePath: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Content was found that is not what was stored. */
  readonly onDamaged?: (() => void) | undefined;
}

export function createFiles(parts: FilesParts): Files {
  const { database, clock, log } = parts;
  const content = createContentStore(join(parts.workspacePath, 'files'), {
    now: () => clock.monotonic(),
    onDamaged(found) {
      log.error(found, 'stored bytes are not what was stored: the disk has changed them. They are set aside; store them again, or restore a backup');
      parts.onDamaged?.();
    },
  });

  async function release(orgId: string, hashes: readonly string[]): Promise<void> {
    for (const sha256 of new Set(hashes)) {
      // Serial: each holds the lock of one content, and these lists are short.
      await database.engine.transaction(async (sql) => {
        // A backup that is being made may still have to read it: the next sweep takes it.
        if (!(await mayFreeContent(sql))) return;
        await lockContent(sql, { orgId, sha256 });
        if (!(await isContentReferenced(sql, { orgId, sha256 }))) await content.remove(orgId, sha256);
      });
    }
  }

  const files: Files = {
    content,
    release,
    of: (orgId, instanceId) => filePortOf(files, orgId, instanceId),
    async put(request) {
      requirePath(request.path);
      const staged = await content.stage(request.source, { maxBytes: request.maxBytes, signal: request.signal });
      return files.putStaged({ ...request, staged });
    },
    async putStaged({ orgId, path, staged, mediaType, requestId, instanceId }) {
      try {
        requirePath(path);
        const stored = await database.engine.transaction(async (sql) => {
          await lockContent(sql, { orgId, sha256: staged.sha256 });
          await content.place(orgId, staged);
          return upsertFile(sql, {
            id: newId('file', clock),
            orgId,
            path,
            bytes: staged.bytes,
            sha256: staged.sha256,
            mediaType: mediaTypeOf(path, staged.head, mediaType),
            nowMs: clock.now(),
            instanceId,
            ...(requestId === undefined ? {} : { requestId }),
          });
        });
        database.announce();
        if (stored.replaced !== undefined) await release(orgId, [stored.replaced]);
        return stored.file;
      } finally {
        await content.discard(staged);
      }
    },
    async get(orgId, path) {
      requirePath(path);
      return (await readFile(database.engine, { orgId, path })) ?? fail('not_found', `There is no file "${path}".`);
    },
    async delete(request) {
      requirePath(request.path);
      const freed = await database.engine.transaction((sql) => deleteFile(sql, request));
      if (freed === undefined) fail('not_found', `There is no file "${request.path}".`);
      database.announce();
      await release(request.orgId, [freed]);
    },
    async open(orgId, sha256, range) {
      return (await content.read(orgId, sha256, range)) ?? fail('not_found', `The bytes ${sha256} are not in the workspace any more.`);
    },
    placeArtifacts: (sql, artifacts) => placeArtifacts(sql, artifacts, { content, clock }),
    async start() {
      const removed = await content.cleanTemp();
      if (removed > 0) log.info({ removed }, 'unfinished files of an earlier run were removed');
    },
    sweep: (signal) => sweep({ database, content, release, signal }),
  };
  return files;
}

async function placeArtifacts(sql: Sql, artifacts: readonly NewArtifactBytes[], parts: { content: ContentStore; clock: Clock }): Promise<Artifact[]> {
  const placed: Artifact[] = [];
  // In the order of the hashes: two transactions that lock the same contents then never wait for each other in a circle.
  for (const artifact of artifacts.toSorted((a, b) => (a.staged.sha256 < b.staged.sha256 ? -1 : 1))) {
    const { orgId, name, staged } = artifact;
    await lockContent(sql, { orgId, sha256: staged.sha256 });
    await parts.content.place(orgId, staged);
    const row = {
      id: newId('art', parts.clock),
      orgId,
      name,
      bytes: staged.bytes,
      sha256: staged.sha256,
      mediaType: mediaTypeOf(name, staged.head),
      jobId: artifact.jobId,
      instanceId: artifact.instanceId,
      stepPath: artifact.stepPath,
      nowMs: parts.clock.now(),
    };
    await insertArtifact(sql, row);
    placed.push({
      id: row.id,
      name,
      bytes: row.bytes,
      sha256: row.sha256,
      mediaType: row.mediaType,
      ...(row.jobId === undefined ? {} : { jobId: row.jobId }),
      ...(row.instanceId === undefined ? {} : { instanceId: row.instanceId }),
      ...(row.stepPath === undefined ? {} : { stepPath: row.stepPath }),
      createdAt: new Date(row.nowMs).toISOString(),
    });
  }
  return placed.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function sweep(parts: { database: Database; content: ContentStore; release: Files['release']; signal: AbortSignal }): Promise<number> {
  let removed = 0;
  for await (const folder of parts.content.walk()) {
    parts.signal.throwIfAborted();
    const loose = await findUnreferenced(parts.database.engine, folder);
    await parts.release(folder.orgId, loose);
    removed += loose.length;
  }
  return removed;
}

function filePortOf(files: Files, orgId: string, instanceId: string | undefined): FilePort {
  return {
    async read(path, { maxBytes, signal }) {
      const file = await files.get(orgId, path).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
        throw new NodeError('file_not_found', `there is no file "${path}"; upload it, or correct the path`, { final: true, cause: error });
      });
      if (file.bytes > maxBytes)
        throw new NodeError('file_too_large', `the file "${path}" has ${file.bytes} bytes, the limit here is ${maxBytes}; read it with a command`, {
          final: true,
          details: { bytes: file.bytes, limitBytes: maxBytes },
        });
      signal.throwIfAborted();
      const bytes = await files.content.readAll(orgId, file.sha256);
      if (bytes === undefined)
        throw new NodeError('file_not_found', `the bytes of "${path}" are not in the workspace any more; upload it again`, { final: true });
      return { bytes, mediaType: file.mediaType };
    },
    async write(path, bytes, { signal }) {
      const stored = await files.put({ orgId, path, source: once(bytes), maxBytes: MAX_PUT_BYTES, instanceId, signal });
      return { path: stored.path, bytes: stored.bytes, sha256: stored.sha256 };
    },
  };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function requirePath(path: string): void {
  const fault = filePathFault(path);
  if (fault !== undefined) fail('invalid_query', { message: `${fault}.`, details: { path: 'path' } });
}
