/** The editor's schema knows every key of the contract, and no other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as contract from '../../src/contract/graph.ts';
import { definitionSchema } from './definition-schema.ts';
import { propertiesOf, schemasAt } from './schema.ts';

const names = (path: (string | number)[]): string[] =>
  propertiesOf(definitionSchema, schemasAt(definitionSchema, path))
    .map((hint) => hint.name)
    .sort();

test('every key of a definition, a node, an edge and a trigger is explained', () => {
  assert.deepEqual(names([]), Object.keys(contract.definition.shape).sort());
  assert.deepEqual(names(['nodes', 0]), Object.keys(contract.graphNode.shape).sort());
  assert.deepEqual(names(['edges', 0]), Object.keys(contract.graphEdge.shape).sort());
  assert.deepEqual(names(['triggers', 0]), Object.keys(contract.trigger.shape).sort());
});

test('every key of policies and trigger params is explained', () => {
  assert.deepEqual(names(['nodes', 0, 'retry']), Object.keys(contract.retryPolicy.shape).sort());
  assert.deepEqual(names(['nodes', 0, 'resources']), Object.keys(contract.resources.shape).sort());
  assert.deepEqual(
    names(['triggers', 0, 'params']),
    [...new Set([...Object.keys(contract.cronParams.shape), ...Object.keys(contract.webhookParams.shape)])].sort(),
  );
});
