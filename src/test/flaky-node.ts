/** A node type that fails as often as it is asked to. Counts by idempotency key: tries of one step are one count. */
import * as z from 'zod';
import { NodeError, type InlineNodeType } from '../nodes/kit.ts';
import { testNode } from './test-node.ts';

/** `test.flaky`: logs its attempts, fails `failures` times with `code`, then gives its count, attempt and key. @returns with it how often each was tried */
export function flakyNode(): { readonly type: InlineNodeType; readonly tries: ReadonlyMap<string, number> } {
  const tries = new Map<string, number>();
  const type = testNode({
    type: 'test.flaky',
    params: z.strictObject({ failures: z.number(), code: z.string().default('busy'), final: z.boolean().default(false) }),
    run(params, context) {
      const count = (tries.get(context.idempotencyKey) ?? 0) + 1;
      tries.set(context.idempotencyKey, count);
      context.log(`attempt ${context.attempt}`);
      if (count <= params.failures) throw new NodeError(params.code, `not yet (${count})`, { final: params.final });
      return { kind: 'output', output: { count, attempt: context.attempt, key: context.idempotencyKey } };
    },
  });
  return { type, tries };
}
