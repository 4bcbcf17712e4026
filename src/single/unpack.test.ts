import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import { systemClock } from '../kernel/clock.ts';
import type { Pack } from './pack.ts';
import { choosePlace, candidates } from './place.ts';
import { ensureUnpacked, nodeOf } from './unpack.ts';

const base = mkdtempSync(join(tmpdir(), 'studio-single-'));
after(() => rmSync(base, { recursive: true, force: true }));

const mark = ['NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5', 'df1996b2:'].join('');
/** An ELF file in miniature: a header, one note of 4,096 bytes that holds the application, and the fuse after it. */
function miniature(): string {
  const bytes = Buffer.alloc(64 + 56 + 4_096);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(4, 64);
  bytes.writeBigUInt64LE(120n, 64 + 8);
  bytes.writeBigUInt64LE(4_096n, 64 + 32);
  bytes.fill('application', 120);
  const path = join(base, 'executable');
  writeFileSync(path, Buffer.concat([bytes, Buffer.from(`before ${mark}1 after`)]));
  return path;
}
const executable = miniature();

async function packOf(version: string, files: Readonly<Record<string, string>>): Promise<{ pack: Pack; bytes: () => Uint8Array }> {
  const frame = await promisify(zstdCompress)(Buffer.from(Object.values(files).join('')));
  let at = 0;
  const entries = Object.entries(files).map(([path, content]) => {
    at += content.length;
    return { path, mode: path.startsWith('bin/') ? 0o755 : 0o644, bytes: content.length, block: 0, at: at - content.length };
  });
  const pack = { id: version, blocks: [{ offset: 0, bytes: frame.length }], files: entries, links: [{ path: 'lib/short', target: 'long' }] };
  return { pack, bytes: () => frame };
}

let folders = 0;
function newBase(): string {
  const folder = join(base, `base-${++folders}`);
  mkdirSync(folder);
  return folder;
}

const one = await packOf('1.0.0-aaaa', { 'dist/studio.js': 'the bundle', 'bin/tool': '#!/bin/sh\n', 'lib/long': 'a library' });
const parts = (folder: string, packed = one) => ({ base: folder, ...packed, executable, clock: systemClock, say: () => undefined });

test('it unpacks once: files with their modes, links, and a Node whose fuse is off and whose application is a hole', async () => {
  const folder = newBase();
  const lines: string[] = [];
  const home = await ensureUnpacked({ ...parts(folder), say: (line) => lines.push(line) });
  equal(home, join(folder, 'studio-1.0.0-aaaa'));
  equal(readFileSync(join(home, 'dist/studio.js'), 'utf8'), 'the bundle');
  equal(statSync(join(home, 'bin/tool')).mode & 0o777, 0o755);
  equal(readlinkSync(join(home, 'lib/short')), 'long');
  const node = readFileSync(nodeOf(home));
  equal(node.length, statSync(executable).size);
  match(node.toString('latin1'), new RegExp(`before ${mark}0 after`));
  ok(!node.includes('application'));
  equal(lines.length, 2);
  const made = statSync(join(home, 'dist/studio.js')).ino;
  equal(await ensureUnpacked({ ...parts(folder), say: (line) => lines.push(line) }), home);
  equal(statSync(join(home, 'dist/studio.js')).ino, made);
  equal(lines.length, 2, 'the second start says nothing');
});

test('starts at the same moment end with one folder, and nothing beside it', async () => {
  const folder = newBase();
  const homes = await Promise.all(Array.from({ length: 2 }, () => runApart(folder)));
  deepEqual(homes, [0, 0]);
  deepEqual(readdirSync(folder), ['studio-1.0.0-aaaa']);
  equal(readFileSync(join(folder, 'studio-1.0.0-aaaa/dist/studio.js'), 'utf8'), 'the bundle');
});

/** A process of its own, as two starts are. */
function runApart(folder: string): Promise<number | null> {
  const pack = join(base, 'apart.json');
  writeFileSync(pack, JSON.stringify({ pack: one.pack, bytes: Buffer.from(one.bytes()).toString('base64') }));
  const program = `
    const { ensureUnpacked } = await import(${JSON.stringify(join(import.meta.dirname, 'unpack.ts'))});
    const { systemClock: clock } = await import(${JSON.stringify(join(import.meta.dirname, '../kernel/clock.ts'))});
    const { readFileSync } = await import('node:fs');
    const { pack, bytes } = JSON.parse(readFileSync(${JSON.stringify(pack)}, 'utf8'));
    await ensureUnpacked({ base: ${JSON.stringify(folder)}, pack, bytes: () => Buffer.from(bytes, 'base64'), executable: ${JSON.stringify(executable)}, clock, say: () => undefined });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  return new Promise((resolve) => child.once('exit', resolve));
}

test('what a killed start left half-unpacked is removed, and what lacks a file or the end of one is made anew', async () => {
  const folder = newBase();
  const namespace = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  const left = join(folder, `.unpacking-${namespace}-999999999-1`);
  const others = join(folder, '.unpacking-1-1-1');
  for (const path of [left, others]) mkdirSync(path);
  const home = await ensureUnpacked(parts(folder));
  deepEqual([existsSync(left), existsSync(others)], [false, true], 'of another container only once it is old');
  rmSync(join(home, 'lib/long'));
  await ensureUnpacked(parts(folder));
  equal(readFileSync(join(home, 'lib/long'), 'utf8'), 'a library');
  truncateSync(join(home, 'dist/studio.js'), 3);
  await ensureUnpacked(parts(folder));
  equal(readFileSync(join(home, 'dist/studio.js'), 'utf8'), 'the bundle');
  rmSync(join(home, 'unpacked'));
  await ensureUnpacked(parts(folder));
  deepEqual(readdirSync(folder).toSorted(), ['.unpacking-1-1-1', 'studio-1.0.0-aaaa']);
});

test('a version goes a day after its last start, unless something of it runs', async () => {
  const folder = newBase();
  const old = await ensureUnpacked(parts(folder, await packOf('0.9.0-old', { 'dist/studio.js': 'old' })));
  const recent = await ensureUnpacked(parts(folder, await packOf('0.9.1-recent', { 'dist/studio.js': 'recent' })));
  const running = await ensureUnpacked(parts(folder, await packOf('0.8.0-running', { 'dist/studio.js': 'running' })));
  const child = spawn('/bin/sleep', ['600'], { cwd: join(running, 'dist'), stdio: 'ignore' });
  await new Promise((resolve) => child.once('spawn', resolve));
  const daysAgo = systemClock.now() / 1_000 - 2 * 86_400;
  for (const home of [old, running]) utimesSync(join(home, 'unpacked'), daysAgo, daysAgo);
  await ensureUnpacked(parts(folder));
  deepEqual(
    [old, recent, running].map((home) => existsSync(home)),
    [false, true, true],
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  await ensureUnpacked(parts(folder));
  deepEqual([existsSync(recent), existsSync(running)], [true, false]);
});

test('a full disk or a broken pack leaves nothing that looks unpacked', async () => {
  const folder = newBase();
  await rejects(ensureUnpacked({ ...parts(folder), bytes: () => Buffer.from('not what was packed') }));
  await rejects(ensureUnpacked({ ...parts(folder), executable: join(import.meta.dirname, 'unpack.ts') }), /no single executable|out of range|ERR_/i);
  deepEqual(readdirSync(folder), []);
});

test('it unpacks where it is told, else to the cache of the unit or the user, else to a temporary folder of its own', () => {
  deepEqual(candidates({ STUDIO_UNPACK_PATH: '/x', HOME: '/home/a' }, 1000), ['/x']);
  deepEqual(candidates({ CACHE_DIRECTORY: '/var/cache/studio:/var/cache/other' }, 990), ['/var/cache/studio', '/var/tmp/studio-990', '/tmp/studio-990']);
  deepEqual(candidates({ HOME: '/home/a', TMPDIR: '/scratch' }, 1000), [
    '/home/a/.cache/studio',
    '/var/tmp/studio-1000',
    '/scratch/studio-1000',
    '/tmp/studio-1000',
  ]);
  deepEqual(candidates({ HOME: '/', XDG_CACHE_HOME: 'relative' }, 0)[0], '/var/cache/studio');
  const uid = process.getuid?.() ?? 0;
  const own = join(base, 'own');
  equal(choosePlace({ STUDIO_UNPACK_PATH: own }, uid).folder, own);
  const open = join(base, 'open');
  mkdirSync(open);
  // What others may write to, they may put programs into.
  chmodSync(open, 0o777);
  const file = join(base, 'file');
  writeFileSync(file, '');
  for (const folder of [open, file]) {
    let message = '';
    try {
      choosePlace({ STUDIO_UNPACK_PATH: folder }, uid);
    } catch (error) {
      message = String(error);
    }
    match(message, /There is no folder to unpack to.*STUDIO_UNPACK_PATH/);
  }
});
