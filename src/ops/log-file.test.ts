import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openLogFile } from './log-file.ts';
import { readLog } from './log-reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'studio-logfile-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let path = '';
let turn = 0;
beforeEach(() => {
  path = join(folder, `${turn++}`, 'studio.log');
});

const line = (n: number): string => `{"level":"info","time":"2026-01-01T00:00:${String(n % 60).padStart(2, '0')}.000Z","n":${n},"msg":"line ${n}"}\n`;

async function untilWritten(text: string): Promise<void> {
  while (!existsSync(path) || !readFileSync(path, 'utf8').includes(text)) await pause(5);
}

test('a log is set aside at its size, so many are kept, and no line is lost or torn between them', async () => {
  const file = openLogFile(path, { maxBytes: 5_000, keep: 3 });
  for (let n = 0; n < 150; n++) file.write(line(n));
  await file.end();
  ok(existsSync(`${path}.2`));
  ok(!existsSync(`${path}.4`));
  const all = [3, 2, 1].map((at) => (existsSync(`${path}.${at}`) ? readFileSync(`${path}.${at}`, 'utf8') : '')).join('') + readFileSync(path, 'utf8');
  const numbers = all
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => Number((JSON.parse(text) as { n: number }).n));
  deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, at) => 150 - numbers.length + at),
  );
  ok(readFileSync(`${path}.1`).length < 5_200);
});

test('a kill in the middle of a rotation loses no file: the gap is closed at the next start', async () => {
  const file = openLogFile(path, { maxBytes: 2_000, keep: 3 });
  for (let n = 0; n < 80; n++) file.write(line(n));
  await file.end();
  const oldest = readFileSync(`${path}.2`, 'utf8');
  // As it stands after the first rename of the next rotation.
  renameSync(`${path}.2`, `${path}.3`);
  await openLogFile(path, { maxBytes: 2_000, keep: 3 }).end();
  equal(readFileSync(`${path}.2`, 'utf8'), oldest);
  ok(!existsSync(`${path}.3`));
});

test('a line that a kill tore is ended before the next one is written', async () => {
  await openLogFile(path, { maxBytes: 10_000, keep: 1 }).end();
  writeFileSync(path, '{"level":"info","msg":"to');
  const file = openLogFile(path, { maxBytes: 10_000, keep: 1 });
  file.write(line(1));
  await file.end();
  match(readFileSync(path, 'utf8'), /^\{"level":"info","msg":"to\n\{"level":"info",.*"line 1"\}\n$/);
});

test('the last words of a process that dies are in the file', async () => {
  const program = `
    import { openLogFile } from ${JSON.stringify(new URL('./log-file.ts', import.meta.url).href)};
    const file = openLogFile(process.argv[1], { maxBytes: 1e6, keep: 1 });
    for (let n = 0; n < 500; n++) file.write('line ' + n + '\\n');
    file.write('last words\\n');
    file.flush();
    process.exit(70);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  equal(code, 70);
  match(readFileSync(path, 'utf8'), /^line 0\n[^]*line 499\nlast words\n$/);
});

test('pages go back over the rotated files, newest first, and a cursor outlives a rotation', async () => {
  const file = openLogFile(path, { maxBytes: 3_000, keep: 5 });
  for (let n = 0; n < 60; n++) file.write(line(n));
  await untilWritten('line 59');
  const first = await readLog(path, { filter: {}, limit: 10, after: null });
  deepEqual(
    first.lines.map(({ fields }) => fields['n']),
    [59, 58, 57, 56, 55, 54, 53, 52, 51, 50],
  );
  // What is written meanwhile rotates the file that the cursor names.
  for (let n = 60; n < 110; n++) file.write(line(n));
  await untilWritten('line 109');
  const second = await readLog(path, { filter: {}, limit: 5, after: first.next });
  deepEqual(
    second.lines.map(({ fields }) => fields['n']),
    [49, 48, 47, 46, 45],
  );
  const found = await readLog(path, { filter: { text: 'LINE 7"' }, limit: 5, after: null });
  deepEqual(
    found.lines.map(({ message }) => message),
    ['line 7'],
  );
  equal(found.next, null);
  await file.end();
});
