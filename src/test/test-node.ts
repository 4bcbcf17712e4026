/** Node types that a test makes up: it says what they take and what they do; the rest is as plain as it can be. */
import type * as z from 'zod';
import { defineJobNode, defineNode, inPort, outPort, type InlineNodeType, type JobNodeType } from '../nodes/kit.ts';

const plain = { version: 1, title: 'Test', summary: 'For tests.', docs: '', category: 'flow', inputs: inPort, outputs: outPort, example: {} } as const;

/** An inline type, with effects unless it says that it is pure. */
export function testNode<Params extends z.ZodType>(
  own: Pick<InlineNodeType<Params>, 'type' | 'params' | 'run'> & Partial<InlineNodeType<Params>>,
): InlineNodeType {
  return defineNode<Params>({ ...plain, runs: 'inline', pure: false, ...own });
}

/** A type that runs as a job, on the queue `studio` unless it says another. */
export function testJobNode<Params extends z.ZodType>(
  own: Pick<JobNodeType<Params>, 'type' | 'params' | 'toCommand' | 'toOutput'> & Partial<JobNodeType<Params>>,
): JobNodeType {
  return defineJobNode<Params>({ ...plain, runs: 'job', queue: 'studio', ...own });
}
