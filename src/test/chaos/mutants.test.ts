import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../source-files.ts';
import { mutants } from './mutants.ts';

test('every mutant still fits the sources: each text that it changes stands there once', () => {
  const lost = mutants.flatMap(({ name, edits }) =>
    edits.flatMap((edit) => {
      const times = readFileSync(join(root, 'src', edit.file), 'utf8').split(edit.search).length - 1;
      return times === 1 ? [] : [`${name}: ${edit.file} holds ${times} times: ${edit.search}`];
    }),
  );
  assert.deepEqual(lost, []);
});

test('there are at least fourteen mutants, each with a name of its own and a promise that it breaks', () => {
  assert.ok(mutants.length >= 14);
  assert.equal(new Set(mutants.map((mutant) => mutant.name)).size, mutants.length);
  for (const mutant of mutants) assert.ok(mutant.breaks !== '' && mutant.edits.length > 0, mutant.name);
});
