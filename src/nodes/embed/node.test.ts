import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import { nodeContext } from '../../test/node-context.ts';
import { embed } from './node.ts';

async function run(
  params: Record<string, unknown>,
  lengths: (text: string) => number = () => 2,
): Promise<{ readonly output: Record<string, Json>; readonly batches: number[]; readonly told: number[] }> {
  const batches: number[] = [];
  const told: number[] = [];
  const context = nodeContext({
    progress: (fraction) => void told.push(fraction),
    models: {
      chat: () => Promise.reject(new Error('not meant')),
      embed: async ({ texts }) => {
        batches.push(texts.length);
        return { vectors: texts.map((text) => Array.from({ length: lengths(text) }, () => text.length)), promptTokens: texts.length };
      },
    },
  });
  assert.ok(embed.runs === 'inline');
  const result = await embed.run(embed.params.parse({ model: 'tiny', ...params }) as never, context);
  assert.ok(result.kind === 'output');
  return { output: result.output as Record<string, Json>, batches, told };
}

test('texts become vectors in their order, a batch at a time, with how far it is', async () => {
  const { output, batches, told } = await run({ texts: ['a', 'bb', 'ccc'], batch: 2 });
  assert.deepEqual(output, {
    vectors: [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
    dimensions: 2,
    model: 'tiny',
    usage: { promptTokens: 3 },
  });
  assert.deepEqual(
    [batches, told],
    [
      [2, 1],
      [2 / 3, 1],
    ],
  );
});

test('one text is one vector, and no texts are none', async () => {
  assert.deepEqual((await run({ texts: 'abc' })).output['vectors'], [[3, 3]]);
  assert.deepEqual((await run({ texts: [] })).output['vectors'], []);
});

test('vectors of different lengths are refused', async () => {
  await assert.rejects(
    run({ texts: ['a', 'bb'] }, (text) => text.length),
    { code: 'answer_invalid' },
  );
});
