import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import S3rver from '@20minutes/s3rver';
import { bucketPlace } from './s3-place.ts';
import type { Place, StoredEntry } from './place.ts';

const { signal } = new AbortController();
const folder = mkdtempSync(join(tmpdir(), 'studio-s3-'));
let servers: S3rver[] = [];
let endpoint: string;
let lenient: string;
let place: Place;

const open = (more: Partial<Parameters<typeof bucketPlace>[0]> = {}): Place =>
  bucketPlace({ bucket: 'backups', prefix: 'home/studio', endpoint, region: 'us-east-1', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER', ...more });

before(async () => {
  // One checks the signature of every request, as a real one does. It takes the slash after a bucket's name out of what was signed, which no real one does:
  // what is asked of the bucket itself (listing, deleting) goes to another one on the same folder.
  const common = { address: '127.0.0.1', port: 0, directory: folder, silent: true, configureBuckets: [{ name: 'backups', configs: [] }] };
  servers = [new S3rver(common), new S3rver({ ...common, allowMismatchedSignatures: true })];
  const [strict, other] = await Promise.all(servers.map((server) => server.run()));
  endpoint = `http://127.0.0.1:${strict?.port}`;
  lenient = `http://127.0.0.1:${other?.port}`;
  place = open();
});
after(async () => {
  await Promise.all(servers.map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await place.read(path)) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listAll(path: string): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = [];
  for await (const entry of open({ endpoint: lenient }).list(path)) entries.push(entry);
  return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

test('what goes into a bucket comes out again, small things at once and large ones in parts', async () => {
  const large = randomBytes(40 * 1024 ** 2);
  assert.equal(await place.write('backups/a/small.json', inChunks(Buffer.from('{"a":1}'), 3), signal), 7);
  assert.equal(await place.write('content/w/plain/aa/large', inChunks(large, 300_000), signal), large.length);
  assert.equal((await readAll('backups/a/small.json')).toString(), '{"a":1}');
  const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  assert.equal(hash(await readAll('content/w/plain/aa/large')), hash(large));
  assert.equal(await place.size('content/w/plain/aa/large'), large.length);
  assert.equal(await place.size('content/w/plain/aa/none'), undefined);
  assert.deepEqual(await listAll('backups'), [{ path: 'backups/a/small.json', bytes: 7 }]);
  await open({ endpoint: lenient }).remove(['backups/a/small.json']);
  assert.deepEqual(await listAll('backups'), []);
  await assert.rejects(place.read('backups/a/small.json'), { code: 'backup_unusable' });
});

test('an upload that is cut off leaves nothing under its name', async () => {
  const ending = new AbortController();
  async function* cut(): AsyncGenerator<Buffer> {
    yield randomBytes(17 * 1024 ** 2);
    ending.abort(new Error('cancelled'));
    yield randomBytes(17 * 1024 ** 2);
  }
  await assert.rejects(place.write('content/w/plain/bb/cut', cut(), ending.signal), /cancelled/);
  assert.equal(await place.size('content/w/plain/bb/cut'), undefined);
});

test('a wrong key and a bucket that is not there are told with what to look at', async () => {
  for (const wrong of [open({ secretAccessKey: 'wrong-secret' }), open({ bucket: 'nobodys' })])
    // Its bucket is named in the address: a bucket that nobody has is refused, whoever asks.
    await assert.rejects(wrong.write('backups/a/x', inChunks(Buffer.from('x'), 1), signal), {
      code: 'upstream_failed',
      message: /Check BACKUP_TARGET, BACKUP_S3_ENDPOINT and the keys/,
    });
});

test('no name of another kind ever reaches a bucket', async () => {
  for (const path of ['../x', '/x', 'a//b', 'a/../b', 'a/\u0000']) await assert.rejects(async () => place.size(path), /is no path of a backup/);
});
