/** Bytes by content on disk: `<root>/<org>/<first two of sha256>/<sha256>`. Names are made here; no name of a caller ever reaches the disk.
 *  Never touches the database. Bytes become visible only whole: temp file → fsync → rename → fsync of the folder; then the caller commits its row.
 *  One thing to know: what is read is held against its name; bytes that the disk has changed are never handed out whole (damage.ts). */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { systemClock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { asDiskFault, copyHandle, hashFile, openContent, placeFile, receive, type StagedContent, type StoredContent } from './content-disk.ts';
import { createDamage, isWhole, isWholeAt, verifying, type ContentId } from './damage.ts';

export interface ContentStore {
  /** Receives a stream into a temp file. Nothing is left behind when it fails.
   *  @throws AppError too_large, disk_full; the source's error; the signal's reason */
  stage(source: AsyncIterable<Uint8Array>, limit: { readonly maxBytes: number; readonly signal?: AbortSignal | undefined }): Promise<StagedContent>;
  /** Takes a finished file of ours as staged bytes: it is moved, not copied. */
  stageFile(path: string, known?: StoredContent): Promise<StagedContent>;
  /** A name for bytes to be staged by the caller. */
  newTemp(): Promise<string>;
  /** Makes staged bytes visible for the org. Safe when they are there already. */
  place(orgId: string, staged: StagedContent): Promise<void>;
  discard(staged: StagedContent): Promise<void>;
  /** A stream of the bytes `start` to `end` (inclusive); undefined when they are not there. A large one that is damaged breaks off before its end; of a part
   *  of a large one only `verify` knows.  @throws AppError disk_failed when they are not what was stored */
  read(orgId: string, sha256: string, range?: { readonly start: number; readonly end: number }): Promise<Readable | undefined>;
  /** @throws AppError disk_failed when they are not what was stored */
  readAll(orgId: string, sha256: string): Promise<Buffer | undefined>;
  /** Reads it all and sets it aside when it is damaged; true for what is not there.  @param options.pace as in damage.ts */
  verify(content: ContentId, options?: Parameters<typeof isWhole>[2]): Promise<boolean>;
  /** What was found damaged and not stored again since, by any process. */
  listDamaged(): Promise<readonly ContentId[]>;
  remove(orgId: string, sha256: string): Promise<void>;
  /** Puts the content at `target` for a job to read: a copy, so that the job can't change what is stored. @throws AppError disk_failed, not_found */
  copyTo(orgId: string, sha256: string, target: string, owner?: { readonly uid: number; readonly gid: number }): Promise<void>;
  /** Gives the content a second name at `target`, for who only reads it; a copy where `target` lies on another volume. */
  linkTo(orgId: string, sha256: string, target: string): Promise<void>;
  /** Removes temp files of a process that died. Call before anything is staged. */
  cleanTemp(): Promise<number>;
  /** Every (org, hash) on disk, folder by folder. */
  walk(): AsyncGenerator<{ readonly orgId: string; readonly hashes: readonly string[] }>;
}

/** So much is read whole before any of it is handed out … */
const WHOLE_BYTES = 1024 * 1024;
/** … and so much is read through before a part of it is: a fifth of a second. */
const THROUGH_BYTES = 64 * 1024 * 1024;
/** A film is asked for in many parts. */
const TRUSTED_MS = 10 * 60_000;
const MAX_TRUSTED = 1_000;
const ORG_ID = /^[A-Za-z0-9_-]{1,64}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** @param options.onDamaged told of content that is not what was stored, once it is set aside  @param options.now ms that only go forward */
export function createContentStore(
  root: string,
  options: { readonly onDamaged?: ((content: ContentId) => void) | undefined; readonly now: () => number } = { now: systemClock.monotonic },
): ContentStore {
  const tempRoot = join(root, '.temp');
  const newTemp = async (): Promise<string> => {
    await mkdir(tempRoot, { recursive: true, mode: 0o700 });
    return join(tempRoot, randomBytes(16).toString('hex'));
  };
  const pathOf = (orgId: string, sha256: string): string => {
    if (!ORG_ID.test(orgId) || !SHA256.test(sha256)) throw new Error(`content of org ${orgId} has no place: the id or the hash is malformed`);
    return join(root, orgId, sha256.slice(0, 2), sha256);
  };
  const damage = createDamage({ root, pathOf: (content) => pathOf(content.orgId, content.sha256), onFound: options.onDamaged });
  /** When it was last found whole. */
  const trusted = new Map<string, number>();
  const trust = (content: ContentId): void => {
    if (trusted.size >= MAX_TRUSTED) trusted.clear();
    trusted.set(pathOf(content.orgId, content.sha256), options.now());
  };
  /** @throws AppError disk_failed when it was set aside */
  const openOf = async (content: ContentId): Promise<FileHandle | undefined> => {
    const handle = await openContent(pathOf(content.orgId, content.sha256));
    if (handle === undefined) await damage.refuse(content);
    return handle;
  };
  const readWhole = async (content: ContentId, handle: FileHandle): Promise<Buffer> => {
    const bytes = await handle.readFile();
    if (createHash('sha256').update(bytes).digest('hex') !== content.sha256) throw await damage.found(content);
    return bytes;
  };
  const requireWhole = async (content: ContentId, handle: FileHandle): Promise<void> => {
    const at = trusted.get(pathOf(content.orgId, content.sha256));
    if (at !== undefined && options.now() - at < TRUSTED_MS) return;
    if (!(await isWhole(handle, content.sha256))) throw await damage.found(content);
    trust(content);
  };
  const copyTo: ContentStore['copyTo'] = async (orgId, sha256, target, owner) => {
    const content = { orgId, sha256 };
    const source = await openOf(content);
    if (source === undefined) fail('not_found', `the bytes ${sha256} of a file are not on disk`);
    if ((await copyHandle(source, target, owner)) === sha256) return;
    await rm(target, { force: true });
    throw await damage.found(content);
  };
  return {
    newTemp,
    async stage(source, limit) {
      const temp = await newTemp();
      try {
        return { temp, ...(await receive(temp, source, limit)) };
      } catch (error) {
        await rm(temp, { force: true });
        throw asDiskFault(error);
      }
    },
    async stageFile(path, known) {
      const facts = known ?? (await hashFile(path));
      const temp = await newTemp();
      await rename(path, temp);
      return { temp, ...facts };
    },
    async place(orgId, staged) {
      const target = pathOf(orgId, staged.sha256);
      try {
        await placeFile(staged, target);
        await damage.forget({ orgId, sha256: staged.sha256 });
      } catch (error) {
        throw asDiskFault(error);
      }
    },
    discard: (staged) => rm(staged.temp, { force: true }),
    async read(orgId, sha256, range) {
      const content = { orgId, sha256 };
      const handle = await openOf(content);
      if (handle === undefined) return undefined;
      try {
        const { size } = await handle.stat();
        if (size <= WHOLE_BYTES) {
          const bytes = await readWhole(content, handle);
          await handle.close();
          return Readable.from(bytes.length === 0 ? [] : [range === undefined ? bytes : bytes.subarray(range.start, range.end + 1)], { objectMode: false });
        }
        if (range !== undefined && size <= THROUGH_BYTES) await requireWhole(content, handle);
      } catch (error) {
        await handle.close().catch(() => undefined);
        throw error;
      }
      const stream = createReadStream('', { fd: handle, start: 0, ...range });
      // Whoever reads hears of a fault by the stream that they have.
      return range === undefined ? pipeline(stream, verifying(content, damage), () => undefined) : stream;
    },
    async readAll(orgId, sha256) {
      const content = { orgId, sha256 };
      const handle = await openOf(content);
      if (handle === undefined) return undefined;
      try {
        return await readWhole(content, handle);
      } finally {
        await handle.close();
      }
    },
    async verify(content, how) {
      const whole = await isWholeAt(pathOf(content.orgId, content.sha256), content.sha256, how);
      if (whole === true) trust(content);
      if (whole === false) await damage.found(content);
      return whole !== false;
    },
    listDamaged: damage.list,
    async remove(orgId, sha256) {
      await rm(pathOf(orgId, sha256), { force: true });
      await damage.forget({ orgId, sha256 });
    },
    copyTo,
    async linkTo(orgId, sha256, target) {
      try {
        await link(pathOf(orgId, sha256), target);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        if (code === 'ENOENT') await damage.refuse({ orgId, sha256 });
        if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw asDiskFault(error);
        await copyTo(orgId, sha256, target);
      }
    },
    async cleanTemp() {
      const names = await readdir(tempRoot).catch(() => []);
      await Promise.all(names.map((name) => rm(join(tempRoot, name), { force: true, recursive: true })));
      return names.length;
    },
    async *walk() {
      for (const orgId of await readdir(root).catch(() => [])) {
        if (!ORG_ID.test(orgId)) continue;
        for (const folder of await readdir(join(root, orgId)).catch(() => [])) {
          const hashes = (await readdir(join(root, orgId, folder)).catch(() => [])).filter((name) => SHA256.test(name));
          if (hashes.length > 0) yield { orgId, hashes };
        }
      }
    },
  };
}
