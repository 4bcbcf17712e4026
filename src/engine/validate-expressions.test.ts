/** What expressions, conditions and keys may read: steps that came before on the same way, names that are there, secrets only as a whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition } from '../contract/graph.ts';
import { problemCodes } from '../test/problems.ts';

const table: readonly [name: string, definition: Partial<Definition>, problems: string[]][] = [
  [
    'a broken expression',
    { nodes: [{ key: 'a', type: 'set', params: { values: { deep: [{ x: '{{ input.[ }}' }] } } }] },
    ['bad_expression nodes[0].params.values.deep[0].x'],
  ],
  [
    'a broken condition',
    {
      nodes: [
        { key: 'a', type: 'noop', condition: 'input. >' },
        { key: 'b', type: 'noop' },
      ],
      edges: [{ from: 'a', to: 'b', when: '{{ ( }}' }],
    },
    ['bad_expression nodes[0].condition', 'bad_expression edges[0].when'],
  ],
  [
    'an expression that names no node',
    { nodes: [{ key: 'a', type: 'set', params: { values: { x: '{{ steps.nobody.output }}' } } }] },
    ['unknown_step nodes[0].params.values.x'],
  ],
  [
    'an expression that names a later step, itself, or one beside',
    {
      nodes: [
        { key: 'a', type: 'set', params: { values: { x: '{{ steps.b.output }}', y: '{{ steps.a.output }}' } } },
        { key: 'b', type: 'noop' },
        { key: 'c', type: 'noop', condition: 'steps.b.output = 1' },
      ],
      edges: [{ from: 'a', to: 'b' }],
    },
    ['step_not_before nodes[0].params.values.x', 'step_not_before nodes[0].params.values.y', 'step_not_before nodes[2].condition'],
  ],
  [
    'a context edge brings data',
    {
      nodes: [
        { key: 'a', type: 'noop' },
        { key: 'b', type: 'set', params: { values: { x: '{{ steps.a.output }}' } } },
      ],
      edges: [{ from: 'a', to: 'b', mode: ['context'] }],
    },
    [],
  ],
  [
    'a step on the other side of a branch, far behind it',
    {
      nodes: [
        { key: 'a', type: 'branch.if', params: { condition: 'input.x' } },
        { key: 'left', type: 'noop' },
        { key: 'right', type: 'set', params: { values: { x: '{{ steps.left.output }}' } } },
        { key: 'after', type: 'set', params: { values: { x: '{{ steps.left.output }}' } } },
      ],
      edges: [
        { from: 'a.true', to: 'left' },
        { from: 'a.false', to: 'right' },
        { from: 'left', to: 'right', mode: ['context'] },
        { from: 'left', to: 'after' },
        { from: 'right', to: 'after' },
      ],
    },
    ['step_on_other_branch nodes[2].params.values.x'],
  ],
  [
    'a step that failed, read where it did not',
    {
      nodes: [
        { key: 'a', type: 'noop' },
        { key: 'rescue', type: 'noop' },
        { key: 'b', type: 'set', params: { values: { x: '{{ steps.rescue.output }}' } } },
      ],
      edges: [
        { from: 'a.error', to: 'rescue' },
        { from: 'a', to: 'b' },
        { from: 'rescue', to: 'b', mode: ['context'] },
      ],
    },
    ['step_on_other_branch nodes[2].params.values.x'],
  ],
  [
    'keys of policies that read what is not there',
    {
      nodes: [
        { key: 'a', type: 'noop', cache: { ttlS: 60, key: '{{ steps.b.output }}' }, idempotencyKey: 'order-{{ inptu.id }}' },
        { key: 'b', type: 'noop', cache: { ttlS: 60, key: 'secrets.X' }, idempotencyKey: '{{ ( }}' },
        { key: 'c', type: 'noop', cache: { ttlS: 60, key: 'input.id' }, idempotencyKey: '{{ input.id }}-{{ steps.b.output }}' },
      ],
      edges: [
        { from: 'a', to: 'b' },
        { from: 'b', to: 'c' },
      ],
    },
    ['step_not_before nodes[0].cache.key', 'unknown_name nodes[0].idempotencyKey', 'secret_use nodes[1].cache.key', 'bad_expression nodes[1].idempotencyKey'],
  ],
  [
    'keys of limits read the start alone',
    {
      nodes: [{ key: 'a', type: 'noop' }],
      settings: {
        concurrency: { limit: 1, key: 'steps.a.output & item', policy: 'queue' },
        rateLimit: { limit: 1, perS: 1, key: 'input.user & instance.labels.team' },
      },
    },
    ['name_not_here settings.concurrency.key', 'name_not_here settings.concurrency.key'],
  ],
  [
    'a root, a function and a part of a step that are not there',
    {
      nodes: [
        { key: 'a', type: 'noop', condition: 'inptu.x' },
        { key: 'b', type: 'set', params: { values: { x: '{{ $uper(steps.a.result) }}' } } },
      ],
      edges: [{ from: 'a', to: 'b' }],
    },
    ['unknown_name nodes[0].condition', 'unknown_name nodes[1].params.values.x', 'unknown_function nodes[1].params.values.x'],
  ],
  ['a secret in a condition', { nodes: [{ key: 'a', type: 'noop', condition: 'secrets.X' }] }, ['secret_use nodes[0].condition']],
  [
    'a secret that is computed with',
    { nodes: [{ key: 'a', type: 'set', params: { values: { x: '{{ $length(secrets.X) }}' } } }] },
    ['secret_use nodes[0].params.values.x'],
  ],
  [
    'a prototype trick',
    { nodes: [{ key: 'a', type: 'set', params: { values: { x: '{{ input.constructor }}' } } }] },
    ['bad_expression nodes[0].params.values.x'],
  ],
];

for (const [name, definition, problems] of table)
  test(`${name}: ${problems.length === 0 ? 'no problem' : problems.join(', ')}`, () => assert.deepEqual(problemCodes(definition), problems));
