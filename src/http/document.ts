/** Documents that travel as JSON or YAML text: read into plain JSON values, and written. Refuses what the text says twice or otherwise than
 *  plainly, with its line. Never runs anything: YAML is read in a thread of its own, under limits. */
import { Worker } from 'node:worker_threads';
import type { Json } from '../contract/endpoint.ts';
import { deferred } from '../kernel/deferred.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import { duplicateKey } from './json-keys.ts';
import { checkValue, decodeText, mediaTypeOf } from './parse.ts';
import type { YamlReply } from './yaml-worker.ts';

/** About six seconds of reading; the largest workflow that can be published has a tenth of it. */
const MAX_YAML_BYTES = 4 * 1024 * 1024;
const YAML_HEAP_MB = 512;

const YAML_TYPES = new Set(['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml', 'text/vnd.yaml']);

/** The document of a request body: JSON or YAML by its content type, or JSON `{ "document": … }` that holds it as a value or as text.
 *  @throws AppError invalid_body with the line, too_large */
export async function parseDocument(bytes: Buffer, headers: Headers, signal: AbortSignal): Promise<Json> {
  const media = mediaTypeOf(headers, 'application/json or application/yaml');
  if (YAML_TYPES.has(media)) return parseYaml(decodeText(bytes), signal);
  if (!/^application\/([a-z0-9.+-]+\+)?json$/.test(media))
    fail('invalid_body', `the content type is "${media.slice(0, 100)}"; send application/json or application/yaml`);
  const value = parseStrictJson(decodeText(bytes));
  const isWrapped = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).join() === 'document';
  const inner = isWrapped ? (value['document'] ?? null) : value;
  if (typeof inner !== 'string') return inner;
  return inner.trimStart().startsWith('{') ? parseStrictJson(inner) : parseYaml(inner, signal);
}

function parseStrictJson(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    return fail('invalid_body', { message: `the document is not JSON: ${messageOf(error).slice(0, 200)}`, cause: error });
  }
  checkValue(value);
  const twice = duplicateKey(text);
  if (twice !== undefined)
    fail(
      'invalid_body',
      `the document has the key "${twice.key.slice(0, 60)}" twice in one object, again at line ${twice.line}, column ${twice.column}; keep one`,
    );
  return value;
}

/** One at a time: each may take a heap of its own. */
let turn: Promise<unknown> = Promise.resolve();

async function parseYaml(text: string, signal: AbortSignal): Promise<Json> {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_YAML_BYTES) fail('too_large', `the YAML has ${bytes} bytes, the limit is ${MAX_YAML_BYTES}; send it as JSON`);
  const mine = turn.then(() => readInThread(text, signal));
  turn = mine.catch(() => undefined);
  const reply = await mine;
  if ('fault' in reply) fail('invalid_body', `the document is not YAML that can be taken: ${reply.fault.slice(0, 300)}`);
  const value = JSON.parse(reply.json) as Json;
  checkValue(value);
  return value;
}

async function readInThread(text: string, signal: AbortSignal): Promise<YamlReply> {
  signal.throwIfAborted();
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const reply = deferred<YamlReply>();
  const thread = new Worker(new URL(`./yaml-worker.${extension}`, import.meta.url), {
    workerData: text,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: YAML_HEAP_MB },
  });
  const stop = (): void => reply.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  thread.once('message', (message: YamlReply) => reply.resolve(message));
  thread.once('error', (error) =>
    reply.reject(new AppError('invalid_body', { message: `the YAML could not be read: ${messageOf(error)}; send it as JSON`, cause: error })),
  );
  thread.once('exit', () => reply.reject(new AppError('invalid_body', { message: 'the YAML could not be read; send it as JSON' })));
  try {
    return await reply.promise;
  } finally {
    signal.removeEventListener('abort', stop);
    await thread.terminate();
  }
}

/** The text of a document: JSON with two blanks of indentation, or YAML that reads back the same. */
export async function documentText(value: Json, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  return (await import('./yaml-text.ts')).yamlText(value);
}
