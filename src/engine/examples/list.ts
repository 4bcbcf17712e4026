/** Every example workflow, in the order in which they are offered. */
import type { ExampleWorkflow } from '../../contract/examples.ts';
import { finishedExamples } from './finished.ts';
import { flowExamples } from './flow.ts';
import { modelExamples } from './models.ts';
import { policyExamples } from './policies.ts';
import { triggerExamples } from './triggers.ts';
import { waitExamples } from './waits.ts';

export const examples: readonly ExampleWorkflow[] = [
  ...finishedExamples,
  ...flowExamples,
  ...waitExamples,
  ...policyExamples,
  ...triggerExamples,
  ...modelExamples,
];
