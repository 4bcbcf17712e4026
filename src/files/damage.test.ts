/** What a disk has changed: no reader ever gets it whole, it is set aside and told, and the same bytes stored again heal it. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { open, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, beforeEach, test } from 'node:test';
import { AppError } from '../kernel/fail.ts';
import { flipBit } from '../test/flip-bit.ts';
import { createContentStore, type ContentStore } from './content.ts';
import type { ContentId } from './damage.ts';

const MIB = 1024 * 1024;
let root: string;
let content: ContentStore;
let told: ContentId[] = [];
let now = 0;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'studio-damage-'));
  content = createContentStore(root, { onDamaged: (found) => void told.push(found), now: () => now });
});
after(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  told = [];
  for (const { orgId, sha256 } of await content.listDamaged()) await content.remove(orgId, sha256);
});

async function store(bytes: Buffer): Promise<string> {
  const staged = await content.stage(once(bytes), { maxBytes: Number.MAX_SAFE_INTEGER });
  await content.place('org_1', staged);
  return staged.sha256;
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

const pathOf = (sha256: string): string => join(root, 'org_1', sha256.slice(0, 2), sha256);

const flip = (sha256: string, at: number): void => flipBit(pathOf(sha256), at);

const isDamaged = (error: unknown): boolean => error instanceof AppError && error.code === 'disk_failed' && /not what was stored/.test(error.message);
const readWhole = async (sha256: string): Promise<Buffer> => buffer((await content.read('org_1', sha256)) ?? assert.fail('it is not there'));
const target = (): string => join(root, `copy-${randomBytes(4).toString('hex')}`);

const readers: readonly [name: string, bytes: number, read: (sha256: string) => Promise<unknown>][] = [
  ['a small one, as a stream', 100_000, readWhole],
  ['a small one, a part of it', 100_000, (sha256) => content.read('org_1', sha256, { start: 0, end: 9 })],
  ['a small one, at once', 100_000, (sha256) => content.readAll('org_1', sha256)],
  ['a large one, as a stream', 3 * MIB, readWhole],
  ['a large one, a part of it', 3 * MIB, (sha256) => content.read('org_1', sha256, { start: 5, end: 9 })],
  ['a copy for a job', 3 * MIB, (sha256) => content.copyTo('org_1', sha256, target())],
];
for (const [name, size, read] of readers)
  test(`damaged bytes are not handed out: ${name}`, async () => {
    const bytes = randomBytes(size);
    const sha256 = await store(bytes);
    flip(sha256, size - 1);
    await assert.rejects(read(sha256), isDamaged);
    assert.deepEqual([told, await content.listDamaged()], [[{ orgId: 'org_1', sha256 }], [{ orgId: 'org_1', sha256 }]]);
    await assert.rejects(read(sha256), isDamaged, 'set aside, it is not told to be gone');
    assert.equal(told.length, 1);
    assert.equal(await store(bytes), sha256);
    assert.deepEqual([await readWhole(sha256), await content.listDamaged()], [bytes, []]);
  });

test('who copies for a job leaves nothing of a damaged content behind', async () => {
  const sha256 = await store(randomBytes(2 * MIB));
  flip(sha256, 7);
  const path = target();
  await assert.rejects(content.copyTo('org_1', sha256, path), isDamaged);
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

test('a cut content is damaged, and the same bytes stored again heal it though the name was there', async () => {
  const bytes = randomBytes(5_000);
  const sha256 = await store(bytes);
  const file = await open(pathOf(sha256), 'r+');
  await file.truncate(4_000);
  await file.close();
  assert.equal(await store(bytes), sha256);
  assert.deepEqual(await readWhole(sha256), bytes);
  flip(sha256, 1);
  assert.equal(await store(bytes), sha256, 'damage of the same length that nobody has met yet');
  assert.deepEqual(await readFile(pathOf(sha256)), bytes);
});

test('a large content is read through once for many parts of it, and again after ten minutes', async () => {
  const bytes = randomBytes(2 * MIB);
  const sha256 = await store(bytes);
  const part = async (): Promise<Buffer> => buffer((await content.read('org_1', sha256, { start: 10, end: 19 })) ?? assert.fail('it is not there'));
  assert.deepEqual(await part(), bytes.subarray(10, 20));
  flip(sha256, MIB);
  assert.deepEqual(await part(), bytes.subarray(10, 20));
  now += 600_000;
  await assert.rejects(part(), isDamaged);
});

test('a patrol finds what nobody reads; what is deleted is no longer damaged', async () => {
  const [whole, damaged] = [await store(randomBytes(9_000)), await store(randomBytes(9_001))];
  flip(damaged, 8_999);
  assert.deepEqual([await content.verify({ orgId: 'org_1', sha256: whole }), await content.verify({ orgId: 'org_1', sha256: damaged })], [true, false]);
  assert.deepEqual(await content.listDamaged(), [{ orgId: 'org_1', sha256: damaged }]);
  assert.equal(await content.verify({ orgId: 'org_1', sha256: createHash('sha256').digest('hex') }), true, 'what is not there is not damaged');
  await content.remove('org_1', damaged);
  assert.deepEqual(await content.listDamaged(), []);
});

test('every byte counts: 200 flips anywhere in contents of any size are met by who reads', async () => {
  for (let turn = 0; turn < 200; turn++) {
    const size = 1 + ((turn * 7_919) % 40_000) + (turn % 20 === 0 ? MIB : 0);
    const sha256 = await store(randomBytes(size));
    flip(sha256, (turn * 104_729) % size);
    await assert.rejects(readWhole(sha256), isDamaged, `flip ${turn} of ${size} bytes`);
  }
  assert.equal(told.length, 200);
});
