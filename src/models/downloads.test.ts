import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createFiles } from '../files/files.ts';
import { systemClock } from '../kernel/clock.ts';
import { createEgress } from '../kernel/egress.ts';
import { AppError } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { readDownload, type DownloadRecord } from '../store/downloads.ts';
import { readModel } from '../store/models.ts';
import { readQueue, upsertQueue } from '../store/queues.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { modelServer, type ModelServer } from '../test/model-server.ts';
import { tinyGguf } from '../test/tiny-gguf.ts';
import { createCatalogue, type Catalogue } from './catalogue.ts';
import { DOWNLOAD_QUEUE } from './download-begin.ts';
import { createDownloads, type Downloads } from './downloads.ts';
import { createModelFolder, type ModelFolder } from './model-folder.ts';

const clock = systemClock;
const tiny = tinyGguf({ width: 64, layers: 4 });
const orgId = 'org_1';
const by = { orgId, requestId: 'req_1' };
const pace = { connections: 3, minPart: 32 * 1024, maxPart: 64 * 1024, stallMs: 2_000, maxFaults: 3, backoffMs: 1 };
let store: TestDatabase;
let server: ModelServer;
let elsewhere: ModelServer;
let workspace = '';
let folder: ModelFolder;
let catalogue: Catalogue;
let downloads: Downloads;
let secret: string | undefined;

before(async () => {
  store = await testDatabase();
  await store.database.engine.query('insert into orgs (id, name) values ($1, $2)', [orgId, 'Home']);
});
after(() => store.close());

beforeEach(async () => {
  [server, elsewhere] = [await modelServer(), await modelServer()];
  workspace = mkdtempSync(join(tmpdir(), 'studio-models-'));
  folder = createModelFolder(workspace);
  secret = undefined;
  build();
  await downloads.start();
});

afterEach(async () => {
  await downloads.stop();
  await Promise.all([server.close(), elsewhere.close()]);
  await store.database.engine.query('delete from models');
  await store.database.engine.query('delete from downloads');
  await store.database.engine.query('delete from outbox');
  rmSync(workspace, { recursive: true });
});

/** As Studio starts: everything new but the database and the disk. */
function build(): void {
  const files = createFiles({ database: store.database, workspacePath: workspace, clock, log: silentLog });
  catalogue = createCatalogue({ database: store.database, clock, log: silentLog, folder, files });
  downloads = createDownloads({
    ...{ database: store.database, clock, log: silentLog, folder, catalogue, pace, endpoint: server.url, token: undefined },
    httpOf: () => createEgress({ allowedHosts: async () => [server.host, elsewhere.host] }),
    secrets: { read: async () => secret },
  });
}

async function begin(request: Omit<Parameters<Downloads['begin']>[0], 'id' | 'modelId' | 'owner'>): Promise<DownloadRecord> {
  const { download } = await downloads.begin({ owner: 'machine', ...request, id: newId('dl'), modelId: newId('mdl') }, by, AbortSignal.timeout(30_000));
  return download;
}

async function until(id: string, holds: (download: DownloadRecord) => boolean): Promise<DownloadRecord> {
  for (let tries = 0; tries < 2_000; tries++) {
    const download = await readDownload(store.database.engine, id);
    if (download !== undefined && holds(download)) return download;
    await clock.sleep(10);
  }
  throw new Error(`never so: ${JSON.stringify(await readDownload(store.database.engine, id))}`);
}
const ended = (id: string): Promise<DownloadRecord> => until(id, ({ status }) => ['completed', 'failed', 'cancelled'].includes(status));
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const filesAsked = (from: ModelServer): number => from.asked.filter((one) => !one.path.startsWith('/api/')).length;
const refused =
  (code: string, words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof AppError && error.code === code && (assert.match(error.message, words), true);

test('a repository becomes a model: its files checked, named, described, and told of', async () => {
  server.repo('acme/tiny-GGUF', { 'tiny-Q4_K_M.gguf': tiny, 'tiny-Q8_0.gguf': tinyGguf({ seed: 2 }), 'README.md': Buffer.from('hello') });
  const { id, modelId } = await begin({ repo: 'acme/tiny-GGUF' });
  const download = await ended(id);
  assert.deepEqual([download.status, download.error, download.bytesDone, download.bytesTotal], ['completed', null, tiny.length, tiny.length]);
  const model = await readModel(store.database.engine, modelId ?? '');
  assert.ok(model !== undefined);
  assert.deepEqual([model.name, model.status, model.format, model.architecture, model.engine], ['tiny-Q4_K_M', 'ready', 'gguf', 'llama', 'llama']);
  const [file] = model.files;
  assert.equal(file?.sha256, sha256(tiny));
  assert.deepEqual(readFileSync(folder.pathOf(file?.place ?? '')), tiny);
  assert.deepEqual(readdirSync(join(workspace, 'models/.store/downloads')), []);
  const { rows } = await store.database.engine.query<{ sequence: number; type: string }>(
    "select sequence, type from outbox where kind = 'download_job' order by position",
  );
  assert.deepEqual(
    rows.map((row) => row.sequence),
    rows.map((_, index) => index + 1),
  );
  assert.equal(rows.at(-1)?.type, 'download:job:completed');
});

test('the quantisation behind the colon is taken; an unknown one is refused with those that there are', async () => {
  server.repo('acme/tiny', { 'tiny-Q8_0.gguf': tiny, 'tiny-Q2_K.gguf': tiny, 'mmproj-F16.gguf': tiny });
  assert.deepEqual(
    (await begin({ repo: 'acme/tiny:q8_0' })).files.map((file) => file.name),
    ['tiny-Q8_0.gguf'],
  );
  await assert.rejects(
    begin({ repo: 'acme/tiny:Q5_K' }),
    (error: unknown) => error instanceof AppError && assert.deepEqual(error.details?.['available'], ['tiny-Q8_0', 'tiny-Q2_K']) === undefined,
  );
  await assert.rejects(begin({ repo: 'acme/tiny' }), refused('invalid_body', /Q4_K_M/));
  await assert.rejects(begin({ repo: 'acme/tiny', files: ['*.safetensors'] }), refused('invalid_body', /no file "\*\.safetensors"/));
});

test('the same asked for again is the same download; another thing of that name is refused', async () => {
  server.repo('acme/tiny', { 'tiny.gguf': tiny, 'other.gguf': tinyGguf({ seed: 3 }) });
  const first = await begin({ repo: 'acme/tiny', files: ['tiny.gguf'] });
  assert.equal((await begin({ repo: 'acme/tiny', files: ['tiny.gguf'] })).id, first.id);
  await ended(first.id);
  assert.equal((await begin({ repo: 'acme/tiny', files: ['tiny.gguf'] })).id, first.id);
  await assert.rejects(begin({ repo: 'acme/tiny', files: ['other.gguf'], name: 'tiny' }), refused('conflict', /"tiny" is there already/));
});

test('the same content under another name is on disk once, is not fetched again, and stays until its last model goes', async () => {
  server.repo('acme/one', { 'one.gguf': tiny });
  server.repo('acme/two', { 'two.gguf': tiny });
  const one = await ended((await begin({ repo: 'acme/one' })).id);
  const asked = filesAsked(server);
  const two = await ended((await begin({ repo: 'acme/two' })).id);
  assert.equal(filesAsked(server), asked);
  const blob = folder.blobOf(sha256(tiny));
  assert.equal(statSync(blob).nlink, 3);
  await catalogue.remove(one.modelId ?? '', by);
  assert.ok(existsSync(blob));
  await catalogue.remove(two.modelId ?? '', by);
  assert.ok(!existsSync(blob));
});

test('a paused download keeps what came, and goes on from there; so does one that Studio left', async () => {
  const large = Buffer.concat([tiny, randomBytes(600_000)]);
  server.file('/large.bin', large);
  server.behave('/large.bin', { bytesPerS: 150_000 });
  const { id } = await begin({ url: `${server.url}/large.bin`, engine: 'service', sha256: sha256(large) });
  await until(id, (download) => download.bytesDone > 0);
  const paused = await downloads.pause(id, by);
  assert.equal(paused.status, 'paused');
  assert.equal(paused.rate, null);
  assert.ok(paused.bytesDone > 0 && paused.bytesDone < large.length);
  await downloads.resume(id, by);
  await until(id, (download) => download.bytesDone > paused.bytesDone);
  await downloads.stop();
  const left = await readDownload(store.database.engine, id);
  assert.ok(left !== undefined && left.bytesDone > paused.bytesDone && left.bytesDone < large.length);
  server.asked.length = 0;
  server.behave('/large.bin', {});
  build();
  await downloads.start();
  const done = await ended(id);
  assert.deepEqual([done.status, done.error], ['completed', null]);
  const asked = server.asked
    .map((one) => /bytes=(\d+)-(\d+)/.exec(one.range ?? ''))
    .reduce((sum, match) => sum + Number(match?.[2]) - Number(match?.[1]) + 1, 0);
  assert.equal(asked, large.length - left.bytesDone);
  await assert.rejects(downloads.pause(id, by), refused('illegal_transition', /is completed/));
});

test('a cancelled download stops asking and leaves nothing: no parts, no model', async () => {
  server.file('/large.bin', randomBytes(600_000));
  server.behave('/large.bin', { bytesPerS: 100_000 });
  const { id, modelId } = await begin({ url: `${server.url}/large.bin`, engine: 'service' });
  await until(id, (download) => download.bytesDone > 0);
  assert.equal((await downloads.cancel(id, by)).status, 'cancelled');
  assert.deepEqual(readdirSync(join(workspace, 'models/.store/downloads')), []);
  assert.equal(await readModel(store.database.engine, modelId ?? ''), undefined);
  while (server.open > 0) await clock.sleep(10);
  const asked = server.asked.length;
  await clock.sleep(100);
  assert.equal(server.asked.length, asked);
  await assert.rejects(downloads.resume(id, by), refused('illegal_transition', /is cancelled/));
});

test('slots and the state of the queue hold at once: none runs while it is paused', async () => {
  const change = (slots: number, state: 'running' | 'paused'): Promise<unknown> =>
    store.database.engine.transaction((sql) => upsertQueue(sql, { name: DOWNLOAD_QUEUE, slots, state, requestId: 'req_1' }));
  await change(1, 'paused');
  for (const name of ['a', 'b']) server.file(`/${name}.bin`, randomBytes(1_000));
  server.behave('/a.bin', { bytesPerS: 2_000 });
  const [a, b] = [await begin({ url: `${server.url}/a.bin`, engine: 'service' }), await begin({ url: `${server.url}/b.bin`, engine: 'service' })];
  await clock.sleep(50);
  assert.equal((await readDownload(store.database.engine, a.id))?.status, 'queued');
  assert.match((await downloads.waitReason()).message, /is paused/);
  assert.equal((await readQueue(store.database.engine, DOWNLOAD_QUEUE))?.pending, 2);
  await change(1, 'running');
  await until(a.id, (download) => download.status === 'running');
  assert.equal((await readDownload(store.database.engine, b.id))?.status, 'queued');
  assert.equal((await ended(b.id)).status, 'completed');
  assert.equal((await readDownload(store.database.engine, a.id))?.status, 'completed');
  await change(2, 'running');
});

test('bytes that do not hash to what was published are fetched once more, then refused', async () => {
  server.repo('acme/tiny', { 'tiny.gguf': tiny, 'config.json': Buffer.from('{}') }, ['tiny.gguf']);
  server.behave('tiny.gguf', { isForged: true });
  const { id, modelId } = await begin({ repo: 'acme/tiny' });
  const failed = await ended(id);
  assert.deepEqual([failed.status, failed.error?.code], ['failed', 'hash_mismatch']);
  assert.match((await readModel(store.database.engine, modelId ?? ''))?.fault ?? '', /download failed/);
  server.behave('tiny.gguf', {});
  await downloads.resume(id, by);
  assert.equal((await ended(id)).status, 'completed');
  assert.equal((await readModel(store.database.engine, modelId ?? ''))?.fault, null);
});

test('small files are proved by the hash of their git blob', async () => {
  server.repo('acme/small', { 'model.safetensors': randomBytes(100), 'config.json': Buffer.from('{"a":1}') }, ['model.safetensors']);
  server.behave('config.json', { isForged: true });
  const failed = await ended((await begin({ repo: 'acme/small' })).id);
  assert.deepEqual([failed.error?.code, failed.files.find((file) => file.name === 'model.safetensors')?.state], ['hash_mismatch', 'done']);
});

test('a file that is no model, or half of one, is broken before an engine sees it', async () => {
  server.repo('acme/half', { 'half.gguf': tiny.subarray(0, tiny.length - 10) });
  const half = await ended((await begin({ repo: 'acme/half' })).id);
  assert.deepEqual([half.error?.code, /cut off/.test(half.error?.message ?? '')], ['broken_model', true]);
});

test('what can not come is refused when it is asked for', async () => {
  await assert.rejects(begin({ repo: 'acme/none' }), refused('invalid_body', /404.*spelling/));
  server.file('/page.gguf', tiny);
  server.behave('/page.gguf', { html: 'typed' });
  await assert.rejects(begin({ url: `${server.url}/page.gguf` }), refused('invalid_body', /web page/));
  server.behave('/revision/main', { html: 'typed' });
  await assert.rejects(begin({ repo: 'acme/none' }), refused('invalid_body', /web page/));
  server.behave('/revision/main', { status: 503 });
  await assert.rejects(begin({ repo: 'acme/none' }), refused('upstream_failed', /503/));
  await assert.rejects(begin({ url: 'ftp://x/y' }), refused('invalid_body', /not allowed/));
  await assert.rejects(begin({}), refused('invalid_body', /repo or a url/));
});

test('a disk without room refuses with numbers, before anything is fetched', async () => {
  server.repo('acme/tiny', { 'tiny.gguf': tiny });
  folder.freeBytes = async () => 1_000;
  await assert.rejects(begin({ repo: 'acme/tiny' }), (error: unknown) => {
    assert.ok(error instanceof AppError && error.code === 'disk_full');
    assert.deepEqual(error.details, { neededBytes: tiny.length + 512 * 1024 ** 2, freeBytes: 1_000 });
    return true;
  });
  assert.equal(filesAsked(server), 0);
});

test('the token goes to the hub and to no other host', async () => {
  secret = 'hf_secret';
  server.repo('acme/gated', { 'gated.gguf': tiny });
  elsewhere.file('/cdn/gated.gguf', tiny);
  server.behave('gated.gguf', { token: 'hf_secret', redirect: `${elsewhere.url}/cdn/gated.gguf` });
  assert.equal((await ended((await begin({ repo: 'acme/gated' })).id)).status, 'completed');
  assert.ok(server.asked.every((one) => one.headers.authorization === 'Bearer hf_secret'));
  assert.ok(elsewhere.asked.length > 0 && elsewhere.asked.every((one) => one.headers.authorization === undefined));
  elsewhere.asked.length = 0;
  await begin({ url: `${elsewhere.url}/cdn/gated.gguf`, name: 'plain' });
  assert.ok(elsewhere.asked.every((one) => one.headers.authorization === undefined));
  secret = undefined;
  server.repo('acme/closed', { 'closed.gguf': tinyGguf({ seed: 9 }) });
  server.behave('closed.gguf', { token: 'hf_secret' });
  const denied = await ended((await begin({ repo: 'acme/closed' })).id);
  assert.deepEqual([denied.error?.code, /HF_TOKEN/.test(denied.error?.message ?? '')], ['denied', true]);
});

test('the address of a file on the hub means that file, with its hash', async () => {
  server.repo('acme/tiny', { 'sub/tiny.gguf': tiny });
  const download = await begin({ url: `${server.url}/acme/tiny/resolve/main/sub/tiny.gguf?download=true` });
  assert.deepEqual([download.source.kind, download.files[0]?.name, download.files[0]?.sha256], ['huggingface', 'sub/tiny.gguf', sha256(tiny)]);
  await ended(download.id);
});
