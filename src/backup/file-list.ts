/** The list of files in a backup: a line of JSON each, a part of its own, because there may be a million. Names content by its hash; other files by their path
 *  in the workspace, of which only those that Studio itself puts there are ever taken or put back. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import * as z from 'zod';
import { fail } from '../kernel/fail.ts';
import { openPart } from './part.ts';
import type { BackupKey } from './crypt.ts';
import type { Manifest } from './manifest.ts';
import type { Place } from './place.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const line = z.strictObject({
  /** Of content: whose it is. */
  org: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
  /** Of any other file: where it lies in the workspace. */
  path: z
    .string()
    .regex(/^(jobs\/job_[0-9a-z]{1,60}\/log|services\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}\.(yaml|yml))$/)
    .optional(),
  sha256,
  bytes: z.int().min(0),
  /** As it lies at the place. */
  stored: z.strictObject({ bytes: z.int().min(0), sha256 }),
});
export type ListedFile = z.infer<typeof line>;

/** A list is at most this long, unpacked: 4 million files. */
const MAX_LIST_BYTES = 1024 ** 3;

/** The folder of content that all backups of one workspace with one key share. Of one workspace: two of them may use one place, and neither clears the other's. */
export function contentFolder(workspaceId: string, key: BackupKey | undefined): string {
  return `content/${workspaceId}/${key === undefined ? 'plain' : key.facts.keyId}`;
}

export function contentPath(workspaceId: string, hash: string, key: BackupKey | undefined): string {
  const name = key === undefined ? hash : key.nameOf(hash);
  return `${contentFolder(workspaceId, key)}/${name.slice(0, 2)}/${name}`;
}

export async function* linesOf(files: AsyncIterable<ListedFile>): AsyncGenerator<Buffer> {
  for await (const file of files) yield Buffer.from(`${JSON.stringify(file)}\n`);
}

/** @throws AppError backup_unusable when the list is damaged, or names a place that no file of a backup has */
export async function* readFileList(options: {
  readonly place: Place;
  readonly manifest: Manifest;
  readonly key: BackupKey | undefined;
  readonly signal: AbortSignal;
}): AsyncGenerator<ListedFile> {
  const { manifest } = options;
  let [count, bytes] = [0, 0];
  const stream = openPart({ ...options, part: manifest.files.part, maxBytes: MAX_LIST_BYTES });
  for await (const text of lines(stream)) {
    const parsed = line.safeParse(parseJson(text));
    if (!parsed.success || (parsed.data.org === undefined) === (parsed.data.path === undefined))
      fail('backup_unusable', `The list of files of backup ${manifest.id} holds what no backup's does: ${text.slice(0, 200)}. Use another backup.`);
    count++;
    bytes += parsed.data.bytes;
    yield parsed.data;
  }
  if (count !== manifest.files.count || bytes !== manifest.files.bytes)
    fail(
      'backup_unusable',
      `The list of files of backup ${manifest.id} has ${count} files with ${bytes} bytes, the manifest tells ${manifest.files.count} with ${manifest.files.bytes}.`,
    );
}

/** Not readline's own iterator: it loses the error of its input. */
async function* lines(stream: Readable): AsyncGenerator<string> {
  const failure = new Promise<never>((_, reject) => stream.once('error', reject));
  failure.catch(() => undefined);
  const reader = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  const iterator = reader[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), failure]);
    if (next.done === true) break;
    yield next.value;
  }
  if (stream.errored !== null) throw stream.errored;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
