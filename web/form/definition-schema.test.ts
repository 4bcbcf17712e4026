/** The editor's schema knows every key of the contract, and no other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as contract from '../../src/contract/graph.ts';
import * as triggerParams from '../../src/contract/trigger-params.ts';
import { definitionSchema, triggerSchemas } from './definition-schema.ts';
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
  const shapes = {
    cron: triggerParams.cronParams,
    webhook: triggerParams.webhookParams,
    form: triggerParams.formParams,
    event: triggerParams.eventParams,
    file: triggerParams.fileParams,
  };
  assert.deepEqual(Object.keys(triggerSchemas).sort(), Object.keys(shapes).sort());
  for (const [type, params] of Object.entries(shapes))
    assert.deepEqual(Object.keys(triggerSchemas[type]?.properties ?? {}).sort(), Object.keys(params.shape).sort(), type);
});
