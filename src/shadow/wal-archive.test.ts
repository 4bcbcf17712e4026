import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SEGMENT_BYTES } from '../store/wal-position.ts';
import { BLOCK_BYTES, Diverged, findBadBlock, listWal, openWalWriter, pruneWal, readSums } from './wal-archive.ts';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'studio-wal-'));
  folders.push(folder);
  return folder;
}

const life = { generation: 1, timeline: 1 };
const START = BigInt(3 * SEGMENT_BYTES);
const bytesOf = (length: number, seed = 1): Buffer => Buffer.from(Array.from({ length }, (_, at) => ((at * 31 + seed) % 255) + 1));
const pathOf = async (shadow: string): Promise<string> => (await listWal(shadow)).at(-1)?.path ?? '';

test('appends join, across files, and are found again at their end', async () => {
  const shadow = freshFolder();
  const whole = bytesOf(250);
  const writer = await openWalWriter(shadow, life, 100);
  await writer.append(START, whole.subarray(0, 30));
  await writer.append(START + 30n, whole.subarray(30, 230));
  await writer.close();
  const again = await openWalWriter(shadow, life, 100);
  equal(again.end, START + 230n);
  await again.append(START + 230n, whole.subarray(230));
  await again.close();
  const files = await listWal(shadow);
  deepEqual(
    files.map(({ start, end }) => [start - START, end - START]),
    [
      [0n, 100n],
      [100n, 200n],
      [200n, 250n],
    ],
  );
  deepEqual(Buffer.concat(files.map(({ path }) => readFileSync(path))), whole);
});

test('what is there already is compared: the same is passed over, another is a divergence', async () => {
  const writer = await openWalWriter(freshFolder(), life);
  const whole = bytesOf(100);
  await writer.append(START, whole);
  await writer.append(START + 40n, whole.subarray(40));
  equal(writer.end, START + 100n);
  const other = Buffer.from(whole);
  other[60] = 0;
  await rejects(writer.append(START, other), (error: unknown) => error instanceof Diverged && error.at === START + 60n);
  await rejects(writer.append(START + 200n, whole), /ends at 0\/3000064; PostgreSQL sent what follows 0\/30000C8/);
  await writer.close();
});

test('an end of zeros is what a volume lost before it was synced: it is written again', async () => {
  const shadow = freshFolder();
  const whole = bytesOf(100);
  const writer = await openWalWriter(shadow, life);
  await writer.append(START, whole.subarray(0, 70));
  await writer.close();
  const path = await pathOf(shadow);
  truncateSync(path, 50);
  truncateSync(path, 90);
  const again = await openWalWriter(shadow, life);
  await again.append(START, whole);
  await again.close();
  deepEqual(readFileSync(path), whole);
});

test('a flipped byte in a whole block is found by its checksum, also after the file was opened in the middle of the block', async () => {
  const shadow = freshFolder();
  const whole = bytesOf(2 * BLOCK_BYTES + 10);
  for (const [from, to] of [
    [0, 1_000],
    [1_000, BLOCK_BYTES + 5],
    [BLOCK_BYTES + 5, whole.length],
  ] as const) {
    const writer = await openWalWriter(shadow, life);
    await writer.append(START + BigInt(from), whole.subarray(from, to));
    await writer.close();
  }
  const [file] = await listWal(shadow);
  const sums = file === undefined ? Buffer.alloc(0) : await readSums(file, 0, 3);
  equal(sums.length, 8);
  equal(findBadBlock(whole, sums), -1);
  const flipped = Buffer.from(whole);
  flipped[BLOCK_BYTES + 77] = 0;
  equal(findBadBlock(flipped, sums), 1);
  equal(findBadBlock(flipped, Buffer.alloc(8)), -1);
});

test('only what no base backup needs is removed', async () => {
  const shadow = freshFolder();
  for (const generation of [1, 2]) {
    const writer = await openWalWriter(shadow, { generation, timeline: generation }, SEGMENT_BYTES);
    await writer.append(START, Buffer.alloc(2 * SEGMENT_BYTES + 5, generation));
    await writer.close();
  }
  writeFileSync(join(shadow, 'wal', 'notes.txt'), 'mine');
  equal(await pruneWal(shadow, { generation: 2, start: START + BigInt(SEGMENT_BYTES) + 40n }), 3 * SEGMENT_BYTES + 5);
  deepEqual(
    (await listWal(shadow)).map(({ generation, start }) => [generation, start - START]),
    [
      [2, BigInt(SEGMENT_BYTES)],
      [2, BigInt(2 * SEGMENT_BYTES)],
    ],
  );
  equal(readdirSync(join(shadow, 'wal')).includes('notes.txt'), true);
});
