import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { finishSwap, swap, undoSwap, type Move } from './swap.ts';

let root: string;
let moves: readonly Move[];
const at = (name: string): string => join(root, name);
const read = (name: string): string | undefined => (existsSync(at(name)) ? readFileSync(at(name), 'utf8') : undefined);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'studio-swap-'));
  mkdirSync(at('staging'));
  for (const name of ['one', 'two', 'gone']) writeFileSync(at(name), `old ${name}`);
  for (const name of ['one', 'two', 'new']) writeFileSync(at(`staging/${name}`), `new ${name}`);
  moves = [
    { path: at('one'), aside: at('before/one'), fresh: at('staging/one') },
    { path: at('gone'), aside: at('before/gone'), fresh: null },
    { path: at('new'), aside: at('before/new'), fresh: at('staging/new') },
    { path: at('two'), aside: at('before/two'), fresh: at('staging/two') },
  ];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const wanted = (): Parameters<typeof swap>[1] => ({ id: 'bak_1', at: '2026-01-01T00:00:00.000Z', moves });

function assertSwapped(): void {
  assert.deepEqual(['one', 'two', 'new', 'gone'].map(read), ['new one', 'new two', 'new new', undefined]);
  assert.deepEqual(['before/one', 'before/two', 'before/gone'].map(read), ['old one', 'old two', 'old gone']);
}

test('what was made comes in place, what was there is kept, and all of it can be taken back', () => {
  swap(root, wanted());
  assertSwapped();
  assert.equal(finishSwap(root), undefined);
  assert.equal(undoSwap(root)?.id, 'bak_1');
  assert.deepEqual(['one', 'two', 'gone', 'new'].map(read), ['old one', 'old two', 'old gone', undefined]);
  assert.equal(read('before/restored-one'), 'new one');
  assert.equal(undoSwap(root), undefined);
});

/** The renames in their order: a kill may come after any number of them. */
const RENAMES = [
  ['one', 'before/one'],
  ['staging/one', 'one'],
  ['gone', 'before/gone'],
  ['staging/new', 'new'],
  ['two', 'before/two'],
  ['staging/two', 'two'],
] as const;
for (let done = 0; done <= RENAMES.length; done++) {
  test(`a swap that was killed after ${done} of ${RENAMES.length} renames is gone on with`, () => {
    mkdirSync(at('before'));
    writeFileSync(at('restore.json'), JSON.stringify({ ...wanted(), state: 'swapping' }));
    for (const [from, to] of RENAMES.slice(0, done)) renameSync(at(from), at(to));
    assert.equal(finishSwap(root)?.id, 'bak_1');
    assertSwapped();
    assert.equal(undoSwap(root)?.id, 'bak_1');
    assert.deepEqual(['one', 'two', 'gone', 'new'].map(read), ['old one', 'old two', 'old gone', undefined]);
  });
}

test('a journal that can not be read stops everything and names itself', () => {
  writeFileSync(at('restore.json'), '{"moves":');
  assert.throws(() => finishSwap(root), /restore\.json tells of a restore and can't be read/);
  assert.equal(read('one'), 'old one');
});
