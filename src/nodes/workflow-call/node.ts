/** workflow.call: runs another workflow as a child instance, and takes its output. */
import * as z from 'zod';
import { asField, defineNode, inPort, outPort } from '../kit.ts';

export const workflowCall = defineNode({
  type: 'workflow.call',
  version: 1,
  title: 'Call a workflow',
  summary: 'Runs another workflow as a child instance and takes its output.',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({
    workflowId: z
      .string()
      .min(1)
      .max(64)
      .describe('The workflow to run')
      .meta(asField({ control: 'workflow' }, 'Workflow')),
    version: z.int().min(1).optional().describe('A version to stay with; without it the newest'),
    input: z.json().optional().describe("The child's input"),
    wait: z.boolean().default(true).describe('Without it the step completes as soon as the child has started'),
  }),
  example: { workflowId: 'wf_00000000000000000000000000', input: { order: '{{ input.order }}' } },
  docs: `The child is an instance of its own, linked both ways, with this instance's labels and priority. While it runs the step waits and holds no slot. Output: the child's output; with \`wait: false\`, \`{ instanceId }\`.

Cancelling this instance, or this step, cancels the child, unless it was not waited for. Workflows may call each other 16 deep. A crash at any moment makes one child, not two: its id is made of the step's path, generation and attempt.

Errors: \`child_failed\` and \`child_cancelled\` with the child's id and code in their details, \`not_found\`, \`invalid_body\` (the input does not fit its schema), \`too_deep\` and \`secret_use\` (final; an input can not hold secrets, the called workflow reads them by name).`,
  runs: 'inline',
  pure: false,
  run: (params) => ({ kind: 'call', workflowId: params.workflowId, version: params.version, input: params.input ?? {}, wait: params.wait }),
});
