/** Resumable uploads on a real disk with a real database: cut, resumed, killed between bytes and file. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AppError } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { silentLog, testDatabase } from '../test/database.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { readUpload, setUploadReceived } from '../store/uploads.ts';
import { createFiles } from './files.ts';
import { createUploads } from './uploads.ts';

const workspacePath = mkdtempSync(join(tmpdir(), 'studio-uploads-'));
const clock = fakeClock();
const { database, close } = await testDatabase();
await database.engine.query(`insert into orgs (id, name) values ('org_a', 'x')`);
const parts = { database, workspacePath, clock, log: silentLog };
const files = createFiles(parts);
const uploads = createUploads({ ...parts, files });
after(async () => {
  await close();
  rmSync(workspacePath, { recursive: true, force: true });
});

const orgId = 'org_a';
const signal = new AbortController().signal;
const isCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const create = (path: string, length: number) => uploads.create({ id: newId('up'), orgId, userId: 'user_a', path, mediaType: '', length });
const append = (id: string, offset: number, source: AsyncIterable<Uint8Array>) => uploads.append({ orgId, id, offset, source, requestId: 'req_1', signal });

async function* chunks(bytes: Buffer, size: number, breakAt = Infinity): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    if (at >= breakAt) throw new Error('the line broke');
    yield bytes.subarray(at, at + size);
  }
}

test('an upload that is cut twenty times goes on from what is safe, and becomes the file that was sent', async () => {
  const bytes = randomBytes(2_000_000);
  const { id } = await create('models/big.bin', bytes.length);
  let received = 0;
  for (let cut = 1; cut <= 20; cut++) {
    await assert.rejects(append(id, received, chunks(bytes.subarray(received), 16_384, 90_000)), /the line broke/);
    received = (await readUpload(database.engine, { orgId, id }))?.received ?? -1;
    // Nothing that arrived is sent again.
    assert.equal(received, cut * 98_304);
  }
  const end = await append(id, received, chunks(bytes.subarray(received), 16_384));
  assert.equal(end.file?.sha256, sha256(bytes));
  assert.equal((await files.content.readAll(orgId, sha256(bytes)))?.equals(bytes), true);
  assert.equal(await readUpload(database.engine, { orgId, id }), undefined);
  assert.deepEqual(readdirSync(join(workspacePath, 'files', '.uploads')), []);
});

test('bytes that were written but never counted are cut off before it goes on', async () => {
  const { id } = await create('a.txt', 10);
  await append(id, 0, chunks(Buffer.from('01234'), 5));
  appendFileSync(join(workspacePath, 'files', '.uploads', id), 'garbage');
  const end = await append(id, 5, chunks(Buffer.from('56789'), 5));
  assert.equal(end.file?.sha256, sha256(Buffer.from('0123456789')));
});

test('another offset, more bytes than announced, and an unknown id are refused, and lose nothing', async () => {
  const { id } = await create('b.txt', 4);
  await append(id, 0, chunks(Buffer.from('ab'), 2));
  await assert.rejects(append(id, 0, chunks(Buffer.from('ab'), 2)), isCode('conflict'));
  await assert.rejects(append(id, 2, chunks(Buffer.from('cdef'), 4)), isCode('too_large'));
  await assert.rejects(append('up_none', 0, chunks(Buffer.from('x'), 1)), isCode('not_found'));
  assert.equal((await append(id, 2, chunks(Buffer.from('cd'), 2))).file?.bytes, 4);
});

test('a newer request takes over from one whose line hangs', async () => {
  const { id } = await create('c.txt', 4);
  const hung = Promise.withResolvers<void>();
  async function* hanging(): AsyncGenerator<Buffer> {
    yield Buffer.from('ab');
    hung.resolve();
    await new Promise(() => undefined);
  }
  const older = append(id, 0, hanging());
  older.catch(() => undefined);
  await hung.promise;
  // The client does not know what arrived: its first try tells it where to go on.
  await assert.rejects(append(id, 0, chunks(Buffer.from('abcd'), 4)), (error) => isCode('conflict')(error) && (error as AppError).details?.['received'] === 2);
  await assert.rejects(older, isCode('conflict'));
  assert.equal((await append(id, 2, chunks(Buffer.from('cd'), 2))).file?.bytes, 4);
});

test('an upload that was whole when Studio was killed becomes a file at the next start', async () => {
  const { id } = await create('d.txt', 3);
  appendFileSync(join(workspacePath, 'files', '.uploads', id), 'abc');
  await setUploadReceived(database.engine, { orgId, id, received: 3, expiresAtMs: clock.now() + 1_000 });
  await uploads.start();
  uploads.stop();
  assert.equal((await files.get(orgId, 'd.txt')).sha256, sha256(Buffer.from('abc')));
});

test('what nobody goes on with is removed after two days', async () => {
  const { id } = await create('e.txt', 3);
  await uploads.start();
  for (let hours = 0; hours < 50 && (await readUpload(database.engine, { orgId, id })) !== undefined; hours++) {
    await clock.advance(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  uploads.stop();
  assert.equal(await readUpload(database.engine, { orgId, id }), undefined);
});

test('a given-up upload is gone with its bytes; a bad path and a length beyond the limit never begin', async () => {
  const { id } = await create('f.txt', 3);
  await uploads.terminate({ orgId, id });
  await assert.rejects(uploads.terminate({ orgId, id }), isCode('not_found'));
  await assert.rejects(create('../f.txt', 3), isCode('invalid_body'));
  await assert.rejects(create('g', 100 * 1024 ** 3 + 1), isCode('too_large'));
  await assert.rejects(create('g', -1), isCode('invalid_body'));
  assert.deepEqual(readdirSync(join(workspacePath, 'files', '.uploads')), []);
});
