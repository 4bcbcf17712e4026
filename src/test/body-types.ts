/** Node types with bodies for tests of what is judged about them: shaped like map and loop, running nothing. */
import * as z from 'zod';
import { defineNode, inPort, outPort, type NodeType } from '../nodes/kit.ts';

const common = {
  version: 1,
  summary: 'For tests.',
  docs: '',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  bodyParams: ['body'],
  runs: 'inline',
  pure: true,
} as const;

const eachItem = defineNode({
  ...common,
  type: 'map',
  title: 'Map',
  params: z.strictObject({ items: z.array(z.json()), body: z.json() }),
  example: { items: [] },
  run: () => ({ kind: 'output', output: null }),
});

const again = defineNode({
  ...common,
  type: 'loop',
  title: 'Loop',
  params: z.strictObject({ while: z.json().optional(), maxIterations: z.int().min(1).optional(), body: z.json() }),
  expressionParams: ['while'],
  example: { maxIterations: 3 },
  run: () => ({ kind: 'output', output: null }),
});

export const bodyTypes: readonly NodeType[] = [eachItem, again];

/** Shaped like workflow.call. */
export const callType: NodeType = defineNode({
  ...common,
  bodyParams: [],
  type: 'workflow.call',
  title: 'Call',
  params: z.strictObject({ workflowId: z.string(), version: z.int().min(1).optional() }),
  example: { workflowId: 'wf_1' },
  run: () => ({ kind: 'output', output: null }),
});
