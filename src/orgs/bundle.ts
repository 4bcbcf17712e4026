/** The file that an org travels in: zstd over lines of JSON; after a line that announces content follow its bytes. The last line holds a hash of all before it.
 *  Knows nothing of what the lines mean. Reading trusts nothing: a line has a limit, an end that is missing or does not fit is refused. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import * as z from 'zod';
import { AppError, fail, messageOf } from '../kernel/fail.ts';

/** A step's result may hold 256 KiB, a definition some MiB. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

const header = z.object({
  studio: z.literal('org-export'),
  format: z.literal(1),
  org: z.strictObject({ id: z.string().max(64), name: z.string().min(1).max(200) }),
  createdAt: z.iso.datetime(),
  studioVersion: z.string().max(100),
  /** How secrets are sealed; null: there are none in it. */
  secrets: z.strictObject({ salt: z.string().regex(/^[0-9a-f]{32}$/), check: z.string().max(200) }).nullable(),
  /** Sentences: what is not in it. */
  leftOut: z.array(z.string().max(500)).max(50),
});
export type BundleHeader = z.infer<typeof header>;

const row = z.strictObject({ table: z.string().max(63), row: z.record(z.string(), z.json()) });
const secret = z.strictObject({ secret: z.strictObject({ name: z.string().max(200), sealed: z.string() }) });
const credential = z.strictObject({ credential: z.strictObject({ id: z.string().max(64), sealed: z.string() }) });
const content = z.strictObject({ content: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().min(0) });
const end = z.strictObject({ end: z.literal(true), sha256: z.string() });

export type BundleRecord =
  | { readonly kind: 'header'; readonly header: BundleHeader }
  | { readonly kind: 'row'; readonly table: string; readonly row: Readonly<Record<string, unknown>>; readonly text: string }
  | { readonly kind: 'secret'; readonly name: string; readonly sealed: Buffer }
  | { readonly kind: 'credential'; readonly id: string; readonly sealed: Buffer }
  | { readonly kind: 'content'; readonly sha256: string; readonly bytes: number; readonly chunks: AsyncIterable<Buffer> };

export interface BundleWriter {
  header(header: BundleHeader): Promise<void>;
  /** @param text the row as JSON, as the database wrote it */
  row(table: string, text: string): Promise<void>;
  secret(name: string, sealed: Buffer): Promise<void>;
  credential(id: string, sealed: Buffer): Promise<void>;
  content(sha256: string, bytes: number, chunks: AsyncIterable<Buffer>): Promise<void>;
  /** Writes the last line; the file is on disk when this resolves. */
  end(): Promise<void>;
  /** Closes without an end: what is there can't be read as whole. */
  abandon(): Promise<void>;
}

/** Makes the file. @throws when it is there already */
export async function writeBundle(path: string): Promise<BundleWriter> {
  const handle: FileHandle = await open(path, 'wx', 0o600);
  const compress = createZstdCompress();
  const hash = createHash('sha256');
  const done = finished(compress.pipe(handle.createWriteStream({ flush: true })));
  done.catch(() => undefined); // Told by `put`, which meets the same fault.
  const put = async (chunk: Buffer | string): Promise<void> => {
    hash.update(chunk);
    if (!compress.write(chunk)) await Promise.race([new Promise((resolve) => compress.once('drain', resolve)), done]);
  };
  const line = (value: unknown): Promise<void> => put(`${JSON.stringify(value)}\n`);
  return {
    header: line,
    row: (table, text) => put(`{"table":${JSON.stringify(table)},"row":${text}}\n`),
    secret: (name, sealed) => line({ secret: { name, sealed: sealed.toString('base64') } }),
    credential: (id, sealed) => line({ credential: { id, sealed: sealed.toString('base64') } }),
    async content(sha256, bytes, chunks) {
      await line({ content: sha256, bytes });
      let sent = 0;
      for await (const chunk of chunks) {
        sent += chunk.length;
        await put(chunk); // In order.
      }
      if (sent !== bytes) throw new Error(`the bytes ${sha256} are ${sent} on disk, ${bytes} by their row; run the export again`);
      await put('\n');
    },
    async end() {
      compress.end(`${JSON.stringify({ end: true, sha256: hash.digest('hex') })}\n`);
      await done;
    },
    async abandon() {
      compress.destroy();
      await handle.close().catch(() => undefined); // Closed by its stream already.
    },
  };
}

/** Reads the file from its beginning, whole or until the caller stops.
 *  @throws AppError invalid_body when it is no such file, was cut off or was altered (known at its end) */
export async function* readBundle(path: string, signal: AbortSignal): AsyncGenerator<BundleRecord> {
  const source = createReadStream(path);
  const plain = source.pipe(createZstdDecompress());
  source.once('error', (error) => plain.destroy(error));
  const cursor = new Cursor(plain[Symbol.asyncIterator]() as AsyncIterator<Buffer>);
  try {
    for (let number = 1; ; number++) {
      signal.throwIfAborted();
      const before = cursor.hash.copy().digest('hex');
      const text = await cursor.line();
      if (text === undefined) refuse(`it ends after ${number - 1} lines, without its last one: it was cut off`);
      const value = parse(text, number);
      if (number === 1) yield { kind: 'header', header: value as BundleHeader };
      else if ('end' in value) return requireEnd(value, before, await cursor.line());
      else if ('table' in value) yield { kind: 'row', ...value, text: text.slice(text.indexOf('"row":') + 6, -1) };
      else if ('secret' in value) yield { kind: 'secret', name: value.secret.name, sealed: Buffer.from(value.secret.sealed, 'base64') };
      else if ('credential' in value) yield { kind: 'credential', id: value.credential.id, sealed: Buffer.from(value.credential.sealed, 'base64') };
      else if ('content' in value) {
        const chunks = cursor.bytes(value.bytes);
        yield { kind: 'content', sha256: value.content, bytes: value.bytes, chunks };
        for await (const _ of chunks) continue; // What the caller did not want.
        if ((await cursor.line()) !== '') refuse(`the content of line ${number} is longer than it says`);
      }
    }
  } catch (error) {
    if (error instanceof AppError || signal.aborted) throw error;
    return refuse(messageOf(error));
  } finally {
    source.destroy();
    plain.destroy();
  }
}

function parse(
  text: string,
  number: number,
): z.infer<typeof row> | z.infer<typeof secret> | z.infer<typeof credential> | z.infer<typeof content> | z.infer<typeof end> | BundleHeader {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse(`line ${number} is no JSON`);
  }
  const read = number === 1 ? header.safeParse(value) : z.union([row, content, secret, credential, end]).safeParse(value);
  if (!read.success)
    return refuse(
      number === 1 ? 'its first line is not that of an exported org, or of a newer Studio' : `line ${number} is nothing that an exported org holds`,
    );
  return read.data;
}

function requireEnd(value: { readonly sha256: string }, found: string, after: string | undefined): void {
  if (value.sha256 !== found) refuse('its hash is another: it was altered');
  if (after !== undefined) refuse('something follows its end');
}

function refuse(why: string): never {
  return fail('invalid_body', `This file can't be imported: ${why}. Nothing was changed. Export the org again, or take another copy.`);
}

/** Lines and bytes from a stream of chunks; hashes all that was handed out. */
class Cursor {
  readonly hash = createHash('sha256');
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterator<Buffer>) {
    this.#chunks = chunks;
  }

  /** Without its end. @returns undefined at the end of the stream */
  async line(): Promise<string | undefined> {
    const parts: Buffer[] = [];
    for (let length = 0; ;) {
      const at = this.#rest.indexOf(10);
      if (at >= 0) {
        parts.push(this.#rest.subarray(0, at));
        this.#rest = this.#rest.subarray(at + 1);
        const line = Buffer.concat(parts);
        this.hash.update(line).update('\n');
        return line.toString('utf8');
      }
      length += this.#rest.length;
      if (length > MAX_LINE_BYTES) refuse(`a line has more than ${MAX_LINE_BYTES} bytes`);
      parts.push(this.#rest);
      if (!(await this.#fill())) return length === 0 ? undefined : refuse('it ends in the middle of a line: it was cut off');
    }
  }

  async *bytes(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0;) {
      if (this.#rest.length === 0 && !(await this.#fill())) refuse('it ends in the middle of a content: it was cut off');
      const chunk = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(chunk.length);
      left -= chunk.length;
      this.hash.update(chunk);
      yield chunk;
    }
  }

  async #fill(): Promise<boolean> {
    const next = await this.#chunks.next();
    this.#rest = next.done === true ? Buffer.alloc(0) : next.value;
    return next.done !== true;
  }
}
