import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type * as z from 'zod';
import { nodePolicy, retryPolicy, workflowSettings } from '../../../src/contract/graph.ts';
import { cronParams, eventParams, fileParams, formParams, webhookParams } from '../../../src/contract/trigger-params.ts';
import type { Schema } from '../../form/schema.ts';
import { policySchema, retrySchema } from './policy-schema.ts';
import { settingsSchema, triggerForms } from './settings-schema.ts';

const names = (schema: Schema): readonly string[] => Object.keys(schema['properties'] as object).toSorted();
const keys = (type: z.ZodObject): readonly string[] => Object.keys(type.shape).toSorted();

describe('the forms of what is no param', () => {
  it('show every policy of a node but its pin, which has a place of its own', () => {
    assert.deepEqual(
      names(policySchema([])),
      Object.keys(nodePolicy)
        .filter((name) => name !== 'mock')
        .toSorted(),
    );
    assert.deepEqual(names(retrySchema), keys(retryPolicy));
  });
  it('show every setting and every param of a trigger', () => {
    assert.deepEqual(names(settingsSchema), keys(workflowSettings));
    for (const [type, params] of Object.entries({ cron: cronParams, webhook: webhookParams, form: formParams, event: eventParams, file: fileParams }))
      assert.deepEqual(names(triggerForms[type as keyof typeof triggerForms]), keys(params), type);
  });
});
