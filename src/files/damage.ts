/** Bytes that are not what was stored (bit rot, a disk that lies): content whose hash is not its name is never handed out. It is set aside under
 *  `<root>/.damaged`, for a person who wants to save what is left of it; the same bytes stored again heal it. Knows nothing of files and their names. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type TransformCallback } from 'node:stream';
import { AppError } from '../kernel/fail.ts';
import { openContent } from './content-disk.ts';

export interface ContentId {
  readonly orgId: string;
  readonly sha256: string;
}

export interface Damage {
  /** What a reader is told. Sets the content aside first. */
  found(content: ContentId): Promise<AppError>;
  /** @throws AppError disk_failed when this content is set aside */
  refuse(content: ContentId): Promise<void>;
  /** It is whole again, or nobody needs it any more. */
  forget(content: ContentId): Promise<void>;
  list(): Promise<readonly ContentId[]>;
}

const NAME = /^([A-Za-z0-9_-]{1,64})\.([0-9a-f]{64})$/;

/** @param pathOf where the content lies  @param onFound told of each, once it is set aside */
export function createDamage(parts: {
  readonly root: string;
  readonly pathOf: (content: ContentId) => string;
  readonly onFound?: ((content: ContentId) => void) | undefined;
}): Damage {
  const folder = join(parts.root, '.damaged');
  const asideOf = ({ orgId, sha256 }: ContentId): string => join(folder, `${orgId}.${sha256}`);
  const faultOf = ({ sha256 }: ContentId): AppError =>
    new AppError('disk_failed', {
      message: `What the disk holds of this content (sha256 ${sha256}) is not what was stored. It is not handed out; store the same bytes again, or restore a backup.`,
      details: { sha256 },
    });
  return {
    async found(content) {
      // What is whole at a second look was not read well: that is a fault, but not of what is stored.
      if ((await isWholeAt(parts.pathOf(content), content.sha256)) === true) return faultOf(content);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // Another reader may have been first.
      const isFirst = await rename(parts.pathOf(content), asideOf(content)).then(
        () => true,
        () => false,
      );
      if (isFirst) parts.onFound?.(content);
      return faultOf(content);
    },
    async refuse(content) {
      if ((await stat(asideOf(content)).catch(() => undefined)) !== undefined) throw faultOf(content);
    },
    forget: (content) => rm(asideOf(content), { force: true }),
    async list() {
      const names = await readdir(folder).catch(() => []);
      return names.flatMap((name) => {
        const [, orgId, sha256] = NAME.exec(name) ?? [];
        return orgId === undefined || sha256 === undefined ? [] : [{ orgId, sha256 }];
      });
    },
  };
}

/** Lets bytes through and keeps the last piece back until their hash is known: who reads a damaged stream never gets its end. */
export function verifying(content: ContentId, damage: Pick<Damage, 'found'>): Transform {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  return new Transform({
    transform(chunk: Buffer, _encoding: BufferEncoding, next: TransformCallback) {
      hash.update(chunk);
      const before = held;
      held = chunk;
      next(null, before);
    },
    flush(next: TransformCallback) {
      if (hash.digest('hex') === content.sha256) return next(null, held);
      damage.found(content).then(next, next);
    },
  });
}

/** As isWhole; undefined: there is no such file. */
export async function isWholeAt(path: string, sha256: string, options?: Parameters<typeof isWhole>[2]): Promise<boolean | undefined> {
  const handle = await openContent(path);
  if (handle === undefined) return undefined;
  try {
    return await isWhole(handle, sha256, options);
  } finally {
    await handle.close();
  }
}

/** Whether the bytes of an open file have this hash. Reads all of them. @param pace told of each piece that was read, and waited for */
export async function isWhole(
  handle: FileHandle,
  sha256: string,
  options: { readonly signal?: AbortSignal | undefined; readonly pace?: ((bytes: number) => Promise<void>) | undefined } = {},
): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const chunk of handle.createReadStream({ autoClose: false, start: 0, signal: options.signal }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    await options.pace?.(chunk.length);
  }
  return hash.digest('hex') === sha256;
}
