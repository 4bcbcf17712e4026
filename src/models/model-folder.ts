/** Where models lie on disk: `<workspace>/models`. People put their own files there; what Studio brings lies below `.store`, each content once:
 *  `.store/blobs/<2>/<sha256>`, named for its models by links in `.store/models/<id>/…`; unfinished downloads in `.store/downloads/<id>/`.
 *  Never follows a path out of the folder. The database knows which content is used; this file does not. */
import { chmod, link, lstat, mkdir, readdir, realpath, rename, rm, stat, statfs, symlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fail } from '../kernel/fail.ts';
import type { PlacedFile } from '../store/models.ts';

const STORE = '.store';
/** A model of more files is none. */
const MAX_FILES = 2_000;
const MAX_DEPTH = 8;

export interface ModelFolder {
  readonly root: string;
  /** The path on disk of a file's `place`. */
  pathOf(place: string): string;
  /** The folder that holds a model's files under their own names: what engines of several files are given. */
  folderOf(modelId: string): string;
  /** The file, or the files of the folder, that a person put below the models folder. @throws AppError invalid_body */
  find(path: string): Promise<readonly PlacedFile[]>;
  /** Where an unfinished file of a download grows. */
  partOf(downloadId: string, index: number): Promise<string>;
  dropParts(downloadId: string): Promise<void>;
  /** Which downloads have left unfinished files. */
  listParts(): Promise<readonly string[]>;
  blobOf(sha256: string): string;
  /** Whether the content is here, with that size where it is known. */
  hasBlob(sha256: string, bytes: number | null): Promise<boolean>;
  /** Makes a finished file a content; where it is there already, the file goes. */
  adopt(path: string, sha256: string): Promise<void>;
  /** A path for a content that the caller makes (a link, a copy) before `adopt`. */
  stagePath(name: string): Promise<string>;
  /** Gives a content a name of a model. @returns its place */
  name(modelId: string, name: string, sha256: string): Promise<string>;
  dropModel(modelId: string): Promise<void>;
  dropBlob(sha256: string): Promise<void>;
  listBlobs(): Promise<readonly string[]>;
  freeBytes(): Promise<number>;
}

export function createModelFolder(workspacePath: string): ModelFolder {
  const root = join(workspacePath, 'models');
  const store = join(root, STORE);
  const blobPath = (sha256: string): string => join(store, 'blobs', sha256.slice(0, 2), sha256);
  const folderOf = (modelId: string): string => join(store, 'models', modelId);
  const made = async (path: string): Promise<string> => {
    await mkdir(path, { recursive: true, mode: 0o755 });
    return path;
  };
  return {
    root,
    pathOf: (place) => join(root, place),
    folderOf,
    find: (path) => findOwn(root, path),
    partOf: async (downloadId, index) => join(await made(join(store, 'downloads', downloadId)), `${index}.part`),
    dropParts: (downloadId) => rm(join(store, 'downloads', downloadId), { recursive: true, force: true }),
    listParts: () => readdir(join(store, 'downloads')).catch(() => []),
    blobOf: blobPath,
    async hasBlob(sha256, bytes) {
      const found = await stat(blobPath(sha256)).catch(() => undefined);
      return found?.isFile() === true && (bytes === null || found.size === bytes);
    },
    async adopt(path, sha256) {
      await made(dirname(blobPath(sha256)));
      // Engines run as users of their own; content of an upload comes as its owner's alone.
      await chmod(path, 0o644);
      await rename(path, blobPath(sha256));
    },
    stagePath: async (name) => join(await made(join(store, 'downloads')), `${name}.staged`),
    async name(modelId, name, sha256) {
      const fault = modelFileFault(name);
      if (fault !== undefined) throw new Error(fault);
      const target = join(folderOf(modelId), name);
      await made(dirname(target));
      await rm(target, { force: true });
      await linkOrPoint(blobPath(sha256), target);
      return relative(root, target);
    },
    dropModel: (modelId) => rm(folderOf(modelId), { recursive: true, force: true }),
    dropBlob: (sha256) => rm(blobPath(sha256), { force: true }),
    async listBlobs() {
      const groups = await readdir(join(store, 'blobs')).catch(() => []);
      const names = await Promise.all(groups.map((group) => readdir(join(store, 'blobs', group)).catch(() => [])));
      return names.flat().filter((name) => /^[0-9a-f]{64}$/.test(name));
    },
    async freeBytes() {
      const { bavail, bsize } = await statfs(await made(root));
      return bavail * bsize;
    },
  };
}

/** Why a server's name for a file can't be a name here; undefined when it can. */
export function modelFileFault(name: string): string | undefined {
  if (name.length > 512) return `the file name "${name.slice(0, 60)}…" has more than 512 characters`;
  const bad = name
    .split('/')
    .find((part) => part === '' || part === '.' || part === '..' || part.length > 200 || !/^[^\u0000-\u001f\u007f\\:*?"<>|]+$/.test(part));
  return bad === undefined ? undefined : `the file name "${name.slice(0, 100)}" can't be used here`;
}

/** A second name; on volumes without those, a pointer. */
async function linkOrPoint(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'].includes(String(code))) throw error;
    await symlink(relative(dirname(to), from), to);
  }
}

async function findOwn(root: string, path: string): Promise<readonly PlacedFile[]> {
  const refuse = (why: string): never => fail('invalid_body', { message: `path: "${path.slice(0, 200)}" ${why}.`, details: { path: 'path' } });
  if (path.startsWith('/') || modelFileFault(path) !== undefined) refuse(`is no path below the models folder (${root})`);
  await mkdir(root, { recursive: true, mode: 0o755 });
  const [base, real] = [await realpath(root), await realpath(join(root, path)).catch(() => refuse(`is not there; put it below ${root} first`))];
  if (!real.startsWith(base + sep) || real === join(base, STORE) || real.startsWith(join(base, STORE) + sep)) refuse('leads out of the models folder');
  const found = await stat(real);
  if (found.isFile()) return [{ name: path.split('/').at(-1) ?? path, bytes: found.size, sha256: null, place: path }];
  if (!found.isDirectory()) refuse('is neither a file nor a folder');
  const files = await walk(real, '', 0);
  if (files.length === 0) refuse('is an empty folder');
  if (files.length > MAX_FILES) refuse(`holds more than ${MAX_FILES} files`);
  return files.map((file) => ({ ...file, place: join(path, file.name) }));
}

async function walk(folder: string, prefix: string, depth: number): Promise<readonly { name: string; bytes: number; sha256: null }[]> {
  if (depth > MAX_DEPTH) return [];
  const found: { name: string; bytes: number; sha256: null }[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    if (name.startsWith('.') || found.length > MAX_FILES) continue;
    // Links are not followed: they may lead anywhere.
    const facts = await lstat(join(folder, name));
    if (facts.isFile()) found.push({ name: prefix + name, bytes: facts.size, sha256: null });
    else if (facts.isDirectory()) found.push(...(await walk(join(folder, name), `${prefix}${name}/`, depth + 1)));
  }
  return found;
}
