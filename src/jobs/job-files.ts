/** What a job was promised in its working folder: files of the org, bytes at a URL, content sent along. Never trusts a name, an address or a hash that it did not check. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filePathFault } from '../contract/files.ts';
import type { CommandSpec } from '../contract/command.ts';
import type { Files } from '../files/files.ts';
import type { Egress } from '../kernel/egress.ts';
import { EgressError } from '../kernel/egress-error.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/fail.ts';
import { NodeError } from '../nodes/kit.ts';
import type { Database } from '../store/client.ts';
import { lockContent, readFile } from '../store/files.ts';
import { giveTo, type JobFolder } from './job-folder.ts';

type Wanted = NonNullable<CommandSpec['files']>;

export interface PlaceParts {
  readonly files: Files;
  readonly database: Pick<Database, 'engine'>;
  readonly http: Pick<Egress, 'open'>;
  readonly clock: Clock;
  readonly orgId: string;
  readonly uid: number | undefined;
  /** One line to the job's log. */
  readonly note: (line: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Until the head of the answer, and between two pieces of its body. */
const SILENCE_MS = 60_000;
/** As large as an upload may be. */
const MAX_BYTES = 100 * 1024 ** 3;

/** Puts everything into the working folder. @throws NodeError file_missing, bad_name, download_failed, hash_mismatch; the signal's reason */
export async function placeJobFiles(folder: JobFolder, wanted: Wanted, parts: PlaceParts): Promise<void> {
  for (const [name, file] of Object.entries(wanted)) {
    const fault = filePathFault(name);
    if (fault !== undefined) throw new NodeError('bad_name', `files: "${name}": ${fault}`, { final: true });
    parts.signal.throwIfAborted();
    await makeOwnFolders(folder.work, name, parts.uid);
    // Serial: copies of large files would only fight for one disk.
    await placeOne(name, file, join(folder.work, name), parts);
  }
}

async function placeOne(name: string, file: Wanted[string], target: string, parts: PlaceParts): Promise<void> {
  if (typeof file === 'string') return copyStored(file, target, parts);
  if ('path' in file) return copyStored(file.path, target, parts);
  if ('url' in file) return copyFetched(name, file, target, parts);
  await writeFile(target, 'text' in file ? file.text : Buffer.from(file.base64, 'base64'), { flag: 'wx', mode: 0o644 });
  await giveTo(target, parts.uid, 0o666);
}

async function copyStored(path: string, target: string, parts: PlaceParts): Promise<void> {
  const fault = filePathFault(path);
  if (fault !== undefined) throw new NodeError('bad_name', `files: "${path}": ${fault}`, { final: true });
  const stored = await readFile(parts.database.engine, { orgId: parts.orgId, path });
  if (stored === undefined) throw new NodeError('file_missing', `files: there is no file "${path}"; upload it, or correct the path`, { final: true });
  await copyContent(stored.sha256, target, parts);
}

function copyContent(sha256: string, target: string, parts: PlaceParts): Promise<void> {
  return parts.files.content.copyTo(parts.orgId, sha256, target, parts.uid === undefined ? undefined : { uid: parts.uid, gid: parts.uid });
}

/** What was fetched stays in the content store for a while (until the hourly sweep): the other jobs of an array take it from there. */
async function copyFetched(name: string, file: { readonly url: string; readonly sha256: string }, target: string, parts: PlaceParts): Promise<void> {
  try {
    return await copyContent(file.sha256, target, parts);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
  }
  await parts.note(`fetching ${name} from ${new URL(file.url).host}`);
  const staged = await parts.files.content.stage(fetched(name, file.url, parts), { maxBytes: MAX_BYTES, signal: parts.signal });
  try {
    if (staged.sha256 !== file.sha256)
      throw new NodeError(
        'hash_mismatch',
        `files: "${name}": the ${staged.bytes} bytes at ${new URL(file.url).host} have the sha256 ${staged.sha256}, not ${file.sha256}; correct the hash, or look at what the server sends`,
        { final: true },
      );
    await parts.database.engine.transaction(async (sql) => {
      await lockContent(sql, { orgId: parts.orgId, sha256: file.sha256 });
      await parts.files.content.place(parts.orgId, staged);
    });
    await parts.note(`${name} is there: ${staged.bytes} bytes, its sha256 is right`);
    await copyContent(file.sha256, target, parts);
  } finally {
    await parts.files.content.discard(staged);
  }
}

async function* fetched(name: string, url: string, parts: PlaceParts): AsyncGenerator<Buffer> {
  const silence = new AbortController();
  const signal = AbortSignal.any([parts.signal, silence.signal]);
  const arm = (): (() => void) =>
    parts.clock.after(SILENCE_MS, () => silence.abort(new NodeError('download_failed', `files: "${name}": nothing came for ${SILENCE_MS} ms`)));
  let disarm = arm();
  try {
    const reply = await parts.http.open({ method: 'GET', url, headers: { 'accept-encoding': 'identity' }, timeoutMs: SILENCE_MS, signal });
    if (reply.status !== 200) {
      reply.body.destroy();
      throw new NodeError('download_failed', `files: "${name}": ${new URL(url).host} answered ${reply.status}; look at the URL`, {
        final: reply.status >= 400 && reply.status < 500 && reply.status !== 429,
      });
    }
    for await (const chunk of reply.body as AsyncIterable<Buffer>) {
      disarm();
      disarm = arm();
      yield chunk;
    }
  } catch (error) {
    if (!(error instanceof EgressError)) throw error;
    throw new NodeError('download_failed', `files: "${name}": ${error.message}`, { final: error.code === 'egress_refused', cause: error });
  } finally {
    disarm();
  }
}

async function makeOwnFolders(work: string, name: string, uid: number | undefined): Promise<void> {
  let path = work;
  for (const segment of name.split('/').slice(0, -1)) {
    path = join(path, segment);
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await giveTo(path, uid, 0o777);
    if (uid === undefined) await chmod(path, 0o700);
  }
}
