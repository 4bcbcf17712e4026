/** Golden histories: recorded instances of every construct, replayed from each of their commits, so that an upgrade can't change a run in flight.
 *  STUDIO_GOLDEN=record records those that are missing; delete a file to record it anew. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { validate } from '../../engine/validate.ts';
import { nodeTypes } from '../../nodes/index.ts';
import { constructs } from './constructs.ts';
import { record, replay } from './history.ts';
import type { History } from './play.ts';

const folder = join(import.meta.dirname, 'histories');
const fileOf = (name: string): string => join(folder, `${name.replaceAll(/[^a-z0-9]+/gi, '-').toLowerCase()}.json`);

if (process.env['STUDIO_GOLDEN'] === 'record') {
  mkdirSync(folder, { recursive: true });
  for (const [name, setup] of Object.entries(constructs))
    if (!existsSync(fileOf(name))) writeFileSync(fileOf(name), `${JSON.stringify(await record(name, setup))}\n`);
}

const histories = readdirSync(folder)
  .toSorted()
  .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as History);

test('there is a history of every construct, and at least fifty', () => {
  const names = new Set(histories.map((history) => history.name));
  assert.deepEqual(
    Object.keys(constructs).filter((name) => !names.has(name)),
    [],
  );
  assert.ok(histories.length >= 50);
  const used = new Set(histories.flatMap((history) => JSON.stringify([history.definition, history.child]).match(/"type":"[^"]+"/g) ?? []));
  assert.deepEqual(
    [...nodeTypes.keys()].filter((type) => !used.has(`"type":"${type}"`)),
    [],
  );
});

test('recorded definitions can still be published', () => {
  for (const { name, definition, child } of histories)
    for (const one of child === undefined ? [definition] : [definition, child])
      assert.deepEqual(validate(one, { types: nodeTypes, role: 'super_admin' }), [], name);
});

for (const history of histories)
  test(`replayed from each of its commits, it ends as it was recorded: ${history.name}`, async () => {
    assert.deepEqual(await replay(history), []);
  });
