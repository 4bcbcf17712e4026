/** What a job left: its artifacts, its result, its last words. Reads only after every process of the job is proved gone, follows no link, takes plain files only. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, link, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { filePathFault } from '../contract/files.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Files } from '../files/files.ts';
import type { StagedContent } from '../files/content-disk.ts';
import { NodeError } from '../nodes/kit.ts';
import { openForeign, readForeign, type JobFolder } from './job-folder.ts';
import { readTail } from './log-pump.ts';
import { maskText } from './masker.ts';

export const TAIL_BYTES = 64 * 1024;
/** As much as a step's output may hold, and some: what is too large is refused by name, not cut. */
const RESULT_BYTES = 1024 * 1024;
const MAX_ARTIFACTS = 1_000;
const MAX_DEPTH = 32;

export interface StagedArtifact {
  readonly name: string;
  readonly staged: StagedContent;
}

/** Stages every plain file below `$STUDIO_ARTIFACTS`, named by its path in there.
 *  @returns what was taken, and one line for each thing that was not */
export async function stageArtifacts(
  folder: JobFolder,
  parts: { readonly files: Files; readonly uid: number | undefined },
): Promise<{ readonly artifacts: readonly StagedArtifact[]; readonly refused: readonly string[] }> {
  const artifacts: StagedArtifact[] = [];
  const refused: string[] = [];
  for await (const name of walk(folder.artifacts, '', 0, refused)) {
    if (artifacts.length === MAX_ARTIFACTS) {
      refused.push(`more than ${MAX_ARTIFACTS} artifacts; the rest was left out`);
      break;
    }
    const fault = filePathFault(name);
    const staged = fault === undefined ? await stageOne(join(folder.artifacts, name), parts) : undefined;
    if (staged === undefined) refused.push(`artifact ${JSON.stringify(name)} was left out: ${fault ?? 'it is no plain file of the job'}`);
    else artifacts.push({ name, staged });
  }
  return { artifacts, refused };
}

async function* walk(root: string, prefix: string, depth: number, refused: string[]): AsyncGenerator<string> {
  if (depth > MAX_DEPTH) return void refused.push(`artifacts deeper than ${MAX_DEPTH} folders were left out`);
  const entries = await readdir(join(root, prefix), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(root, name, depth + 1, refused);
    else yield name;
  }
}

async function stageOne(path: string, parts: { readonly files: Files; readonly uid: number | undefined }): Promise<StagedContent | undefined> {
  const opened = await openForeign(path, parts.uid);
  if (opened === undefined) return undefined;
  try {
    const source = opened.handle.createReadStream({ autoClose: false, start: 0 }) as AsyncIterable<Buffer>;
    if (opened.links > 1) return await parts.files.content.stage(source, { maxBytes: Number.MAX_SAFE_INTEGER });
    const hash = createHash('sha256');
    const heads: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of source) {
      hash.update(chunk);
      if (bytes < 512) heads.push(chunk.subarray(0, 512 - bytes));
      bytes += chunk.length;
    }
    await opened.handle.sync();
    const facts = { sha256: hash.digest('hex'), bytes, head: Buffer.concat(heads) };
    return (
      (await adopt(path, opened.handle, facts, parts)) ??
      (await parts.files.content.stage(opened.handle.createReadStream({ autoClose: false, start: 0 }) as AsyncIterable<Buffer>, {
        maxBytes: Number.MAX_SAFE_INTEGER,
      }))
    );
  } finally {
    await opened.handle.close();
  }
}

/** Takes the bytes by a second name instead of a copy: a checkpoint of many gigabytes is not written twice, and the job's own name stays until the end is recorded.
 *  @returns undefined where that can't be */
async function adopt(
  path: string,
  source: FileHandle,
  facts: Omit<StagedContent, 'temp'>,
  parts: { readonly files: Files; readonly uid: number | undefined },
): Promise<StagedContent | undefined> {
  const temp = await parts.files.content.newTemp();
  try {
    await link(path, temp);
    const mine = await open(temp, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const linked = await mine.stat();
      const hashed = await source.stat();
      if (hashed.ino !== linked.ino || hashed.dev !== linked.dev) throw new Error('the name was replaced');
    } finally {
      await mine.close();
    }
    // The owner stays the job's: no job can pass the folder that the bytes lie in from here on.
    await chmod(temp, 0o600);
    return { temp, ...facts };
  } catch {
    await rm(temp, { force: true });
    return undefined; // Another file system, no links, no owners: it is copied.
  }
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly result: Json | undefined;
}

/** Tails and result. @throws NodeError bad_result when `$STUDIO_RESULT` or the parsed output is not what it should be */
export async function readOutput(
  folder: JobFolder,
  options: { readonly redact: readonly string[]; readonly uid: number | undefined; readonly parse: 'json' | 'lines' | 'none'; readonly isSuccess: boolean },
): Promise<Output> {
  const tail = { maxBytes: TAIL_BYTES, redact: options.redact };
  const [stdout, stderr] = await Promise.all([readTail(folder.stdout, tail), readTail(folder.stderr, tail)]);
  return { stdout, stderr, result: options.isSuccess ? await readResult(folder, options) : undefined };
}

async function readResult(folder: JobFolder, options: Parameters<typeof readOutput>[1]): Promise<Json | undefined> {
  const own = await openForeign(folder.result, options.uid);
  await own?.handle.close();
  if (own !== undefined) {
    const text = await readForeign(folder.result, { uid: options.uid, maxBytes: RESULT_BYTES });
    if (text === undefined)
      throw new NodeError('bad_result', `$STUDIO_RESULT has ${own.bytes} bytes; the limit is ${RESULT_BYTES}. Leave large results in $STUDIO_ARTIFACTS`, {
        final: true,
      });
    return parseJson(maskText(text, options.redact), '$STUDIO_RESULT');
  }
  // Studio's own file, from a marker that the pump saw.
  const printed = await readFile(folder.printedResult, 'utf8').catch(() => undefined);
  if (printed !== undefined) return parseJson(maskText(printed, options.redact), 'the printed ::result marker');
  if (options.parse === 'none') return undefined;
  const text = await readTail(folder.stdout, { maxBytes: RESULT_BYTES + 1, redact: options.redact });
  if (Buffer.byteLength(text) > RESULT_BYTES)
    throw new NodeError('bad_result', `the output to parse has more than ${RESULT_BYTES} bytes; write it to $STUDIO_ARTIFACTS`, { final: true });
  if (options.parse === 'lines') return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/);
  return parseJson(text, 'the output (parse: json)');
}

function parseJson(text: string, what: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new NodeError('bad_result', `${what} is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : ''}`, { final: true, cause: error });
  }
}
