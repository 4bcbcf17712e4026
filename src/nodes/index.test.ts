/** Every node type of the list is whole: a README, docs, an example that passes its own params, a form. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as z from 'zod';
import { graphNode } from '../contract/graph.ts';
import { nodeTypes } from './index.ts';

for (const type of nodeTypes.values()) {
  const folder = new URL(`./${type.type.replaceAll('.', '-')}/`, import.meta.url);

  test(`${type.type} has a README, docs and an example that it accepts`, () => {
    assert.ok(existsSync(new URL('node.ts', folder)), 'node.ts');
    assert.ok(existsSync(new URL('node.test.ts', folder)), 'node.test.ts');
    assert.ok(readFileSync(new URL('README.md', folder), 'utf8').startsWith(`# ${type.type}\n`), 'README.md');
    assert.ok(type.docs.length > 60 && type.docs.includes('Errors'), 'docs say what it gives and which errors it has');
    assert.ok(type.summary.endsWith('.'));
    assert.match(type.type, /^[a-z]+(\.[a-z]+)?$/);
    const holds = JSON.stringify(type.example).includes('{{');
    const parsed = type.params.safeParse(type.example);
    assert.ok(parsed.success || holds, parsed.error?.message ?? '');
    assert.ok(graphNode.safeParse({ key: 'x', type: type.type, params: type.example }).success);
  });

  test(`${type.type} has a form`, () => {
    const schema = z.toJSONSchema(type.params, { io: 'input', unrepresentable: 'any' });
    assert.equal(schema.type, 'object');
    assert.equal(schema.additionalProperties, false);
  });
}
