/** The content store on a real disk with a real database. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { Readable } from 'node:stream';
import { filePathFault } from '../contract/files.ts';
import { AppError } from '../kernel/fail.ts';
import { systemClock } from '../kernel/clock.ts';
import { silentLog, testDatabase } from '../test/database.ts';
import { listFiles } from '../store/files.ts';
import { createFiles, type Files } from './files.ts';

const outside = mkdtempSync(join(tmpdir(), 'studio-files-'));
const workspacePath = join(outside, 'a', 'workspace');
const { database, close } = await testDatabase();
for (const id of ['org_a', 'org_b']) await database.engine.query(`insert into orgs (id, name) values ($1, 'x')`, [id]);
const files: Files = createFiles({ database, workspacePath, clock: systemClock, log: silentLog });
after(async () => {
  await close();
  rmSync(outside, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const put = (path: string, text: string, orgId = 'org_a') => files.put({ orgId, path, source: Readable.from([Buffer.from(text)]), maxBytes: 1_000_000 });
const isCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const onDisk = (orgId: string, hash: string): boolean => existsSync(join(workspacePath, 'files', orgId, hash.slice(0, 2), hash));

function everyPath(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true }).map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

async function events(path: string): Promise<string[]> {
  const { rows } = await database.engine.query<{ payload: string }>(
    `select payload from outbox where kind = 'file' and payload::jsonb ->> 'path' = $1 order by position`,
    [path],
  );
  return rows.map((row) => (JSON.parse(row.payload) as { change: string }).change);
}

test('a stored file is read back as it was, under a name that the server made', async () => {
  const stored = await put('notes/today.txt', 'hello');
  assert.deepEqual([stored.path, stored.bytes, stored.sha256, stored.mediaType], ['notes/today.txt', 5, sha256('hello'), 'text/plain']);
  const read = await files.of('org_a').read('notes/today.txt', { maxBytes: 100, signal });
  assert.equal(read.bytes.toString(), 'hello');
  assert.equal(onDisk('org_a', sha256('hello')), true);
  assert.deepEqual(await events('notes/today.txt'), ['stored']);
});

test('another org does not find it', async () => {
  await assert.rejects(files.get('org_b', 'notes/today.txt'), isCode('not_found'));
});

test('a node that reads what is not there, or is too large, fails for good with the name', async () => {
  const port = files.of('org_a');
  await assert.rejects(port.read('nowhere.txt', { maxBytes: 100, signal }), {
    name: 'NodeError',
    code: 'file_not_found',
    final: true,
    message: /"nowhere\.txt"/,
  });
  await assert.rejects(port.read('notes/today.txt', { maxBytes: 2, signal }), {
    name: 'NodeError',
    code: 'file_too_large',
    final: true,
    message: /5 bytes.* 2;/,
  });
});

test('the same bytes lie on the disk once, and go when the last name goes', async () => {
  await put('one', 'shared bytes');
  await put('two', 'shared bytes');
  await files.delete({ orgId: 'org_a', path: 'one' });
  assert.equal(onDisk('org_a', sha256('shared bytes')), true);
  assert.equal((await files.of('org_a').read('two', { maxBytes: 100, signal })).bytes.toString(), 'shared bytes');
  await files.delete({ orgId: 'org_a', path: 'two' });
  assert.equal(onDisk('org_a', sha256('shared bytes')), false);
});

test('a replaced file frees what it held, and keeps its id', async () => {
  const first = await put('replaced', 'version 1');
  const second = await put('replaced', 'version 2');
  assert.equal(second.id, first.id);
  assert.equal(onDisk('org_a', sha256('version 1')), false);
  assert.deepEqual(await events('replaced'), ['stored', 'stored']);
});

test('names that come and go at the same time never lose bytes that a name points at', async () => {
  await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const path = `race/${index % 3}`;
      await put(path, 'raced bytes');
      await files.delete({ orgId: 'org_a', path }).catch(() => undefined);
      await put(path, 'raced bytes');
    }),
  );
  for (const file of await listFiles(database.engine, { orgId: 'org_a', prefix: 'race/', limit: 10 })) {
    assert.equal((await files.of('org_a').read(file.path, { maxBytes: 100, signal })).bytes.toString(), 'raced bytes');
  }
});

test('too many bytes, a source that breaks, and an abort leave neither a file nor a trace on the disk', async () => {
  const temp = join(workspacePath, 'files', '.temp');
  await assert.rejects(
    files.put({ orgId: 'org_a', path: 'big', source: Readable.from([Buffer.alloc(60), Buffer.alloc(60)]), maxBytes: 100 }),
    isCode('too_large'),
  );
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.from('half');
    throw new Error('the line broke');
  }
  await assert.rejects(files.put({ orgId: 'org_a', path: 'big', source: broken(), maxBytes: 100 }), /the line broke/);
  await assert.rejects(
    files.put({ orgId: 'org_a', path: 'big', source: Readable.from([Buffer.from('x')]), maxBytes: 100, signal: AbortSignal.abort(new Error('gone')) }),
    /gone/,
  );
  await assert.rejects(files.get('org_a', 'big'), isCode('not_found'));
  assert.deepEqual(readdirSync(temp), []);
});

test('what a killed process left half-done is removed at the next start', async () => {
  writeFileSync(join(workspacePath, 'files', '.temp', 'left'), 'half');
  await files.start();
  assert.deepEqual(readdirSync(join(workspacePath, 'files', '.temp')), []);
});

test('bytes without a row are swept, bytes of an org that this database does not know are not', async () => {
  const loose = await files.content.stage(Readable.from([Buffer.from('loose')]), { maxBytes: 100 });
  await files.content.place('org_a', loose);
  const foreign = await files.content.stage(Readable.from([Buffer.from('foreign')]), { maxBytes: 100 });
  await files.content.place('org_unknown', foreign);
  assert.equal(await files.sweep(signal), 1);
  assert.equal(onDisk('org_a', sha256('loose')), false);
  assert.equal(onDisk('org_unknown', sha256('foreign')), true);
  assert.equal((await files.of('org_a').read('notes/today.txt', { maxBytes: 100, signal })).bytes.toString(), 'hello');
});

test('a link in the place of bytes is not followed', async () => {
  const stored = await put('linked', 'to be replaced');
  const place = join(workspacePath, 'files', 'org_a', stored.sha256.slice(0, 2), stored.sha256);
  rmSync(place);
  symlinkSync('/etc/passwd', place);
  await assert.rejects(files.of('org_a').read('linked', { maxBytes: 1_000_000, signal }), /ELOOP/);
});

test('files are listed by prefix, newest first, page by page', async () => {
  for (const name of ['a', 'b', 'c']) await put(`list/${name}`, name);
  const first = await listFiles(database.engine, { orgId: 'org_a', prefix: 'list/', limit: 2 });
  assert.deepEqual(
    first.map((file) => file.path),
    ['list/c', 'list/b'],
  );
  const next = await listFiles(database.engine, { orgId: 'org_a', prefix: 'list/', limit: 2, after: first[1]?.id });
  assert.deepEqual(
    next.map((file) => file.path),
    ['list/a'],
  );
  assert.deepEqual(await listFiles(database.engine, { orgId: 'org_a', prefix: 'list%', limit: 2 }), []);
});

/** Ways to say "not here": plain, encoded once and twice, absolute, Windows, NUL, look-alikes, long. Every one is tried as a path and as the prefix of one. */
function traversals(): string[] {
  const dots = [
    '..',
    '.',
    '...',
    '....',
    '%2e%2e',
    '%252e%252e',
    '%c0%ae%c0%ae',
    '\u2025',
    '\uff0e\uff0e',
    '. .',
    '..;',
    '..%00',
    '.\u200b.',
    '..\u0000',
    '..\u0001',
    '~',
    '~root',
  ];
  const slashes = ['/', '\\', '%2f', '%5c', '%252f', '\u2215', '\uff0f', '\u29f8', '//', '/./', '\\/'];
  const goals = ['etc/passwd', '.env', 'claim-url', 'proc/self/environ', 'C:\\Windows\\win.ini', ''];
  const combined = dots.flatMap((dot) => slashes.flatMap((slash) => goals.slice(0, 2).map((goal) => `${dot}${slash}${dot}${slash}${goal}`)));
  const absolute = goals.flatMap((goal) => [`/${goal}`, `//${goal}`, `\\\\host\\${goal}`, `file:///${goal}`, `C:/${goal}`, `/proc/self/root/${goal}`]);
  return [
    ...combined,
    ...absolute,
    '',
    '.',
    '..',
    'a/..',
    'a/../b',
    'a//b',
    '/a',
    'a/',
    'a\nb',
    'a\u007fb',
    'e\u0301',
    '\ud800',
    'x'.repeat(513),
    `${'a/'.repeat(300)}b`,
    'con',
    'nul',
    'aux.txt',
    'a:b',
    '-rf',
    '--',
    '*',
    '$HOME',
    '`id`',
    '$(id)',
    '{{secrets.X}}',
  ];
}

test('no path, however it is written, reaches anything but a row: nothing on the disk carries a name of a caller', async () => {
  const canary = join(outside, 'a', '.env');
  writeFileSync(canary, 'KEY=untouched');
  chmodSync(canary, 0o600);
  const before = everyPath(outside).filter((path) => !path.includes('.temp'));
  const corpus = traversals();
  assert.ok(corpus.length >= 300, String(corpus.length));
  let stored = 0;
  const tryPath = async (path: string): Promise<void> => {
    const isGood = filePathFault(path) === undefined;
    if (isGood) {
      const text = `content of ${JSON.stringify(path)}`;
      await put(path, text);
      stored++;
      assert.equal((await files.of('org_a').read(path, { maxBytes: 10_000, signal })).bytes.toString(), text);
    } else {
      await assert.rejects(put(path, 'x'), isCode('invalid_query'), path);
      await assert.rejects(files.get('org_a', path), isCode('invalid_query'), path);
      await assert.rejects(files.delete({ orgId: 'org_a', path }), isCode('invalid_query'), path);
    }
  };
  for (let at = 0; at < corpus.length; at += 20) await Promise.all(corpus.slice(at, at + 20).map(tryPath));
  assert.ok(stored > 50 && stored < corpus.length - 100, `${stored} of ${corpus.length} were names like any other`);
  const added = everyPath(outside).filter((path) => !before.includes(path) && !path.includes('.temp'));
  for (const path of added) assert.match(path, /^a\/workspace\/files\/org_a\/[0-9a-f]{2}(\/[0-9a-f]{64})?$/);
  assert.equal(readFileSync(canary, 'utf8'), 'KEY=untouched');
});

test('an org id or a hash that is not one makes no path', async () => {
  for (const [orgId, hash] of [
    ['../..', sha256('x')],
    ['org_a', '../../x'],
    ['', sha256('x')],
    ['org_a', sha256('x').toUpperCase()],
  ] as const) {
    await assert.rejects(files.content.readAll(orgId, hash), /malformed/);
  }
});

test(
  'a full disk refuses by name, leaves nothing half-done, and takes files again when there is space',
  { skip: process.getuid?.() !== 0 },
  async (context) => {
    const small = mkdtempSync(join(tmpdir(), 'studio-full-'));
    const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    if (mounted.status !== 0) return context.skip('no file systems can be mounted here');
    context.after(() => {
      spawnSync('/bin/umount', [small]);
      rmSync(small, { recursive: true, force: true });
    });
    const tight = createFiles({ database, workspacePath: small, clock: systemClock, log: silentLog });
    const write = (path: string, bytes: number) =>
      tight.put({ orgId: 'org_b', path, source: Readable.from([Buffer.alloc(bytes, path)]), maxBytes: 10_000_000 });
    await write('kept', 300_000);
    await assert.rejects(write('too-much', 2_000_000), isCode('disk_full'));
    assert.deepEqual(readdirSync(join(small, 'files', '.temp')), []);
    assert.equal((await tight.of('org_b').read('kept', { maxBytes: 1_000_000, signal })).bytes.length, 300_000);
    await tight.delete({ orgId: 'org_b', path: 'kept' });
    await write('again', 600_000);
  },
);
