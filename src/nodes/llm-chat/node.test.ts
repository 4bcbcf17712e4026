import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { nodeContext } from '../../test/node-context.ts';
import { NodeError, type NodeContext } from '../kit.ts';
import type { ModelAnswer, ModelChat } from '../kit-ports.ts';
import { llmChat } from './node.ts';

const says = (text: string, more: Partial<ModelAnswer> = {}): ModelAnswer => ({
  text,
  reasoning: '',
  toolCalls: [],
  finish: 'stop',
  promptTokens: 3,
  completionTokens: 2,
  ...more,
});
const calls = (name: string, args: string): ModelAnswer =>
  says('', { finish: 'tool_calls', toolCalls: [{ id: 'call_1', type: 'function', function: { name, arguments: args } }] });

interface Played {
  readonly context: NodeContext & { readonly lines: string[] };
  readonly asked: ModelChat[];
  readonly told: [number, string | undefined][];
}

/** A model that gives these answers, one after the other; the sandbox adds `args.a` and `args.b`. */
function play(answers: readonly ModelAnswer[]): Played {
  const asked: ModelChat[] = [];
  const told: [number, string | undefined][] = [];
  const context = nodeContext({
    progress: (fraction, message) => void told.push([fraction, message]),
    faultsOf: async (schema, value) => {
      const result = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value);
      return result.success ? [] : result.error.issues.map(({ path, message }) => ({ path: ['value', ...path].join('.'), message }));
    },
    models: {
      chat: async (chat, { onText, onWait }) => {
        const answer = answers[asked.length];
        asked.push(chat);
        if (answer === undefined) throw new NodeError('upstream_failed', 'no more answers');
        onWait?.('loading tiny');
        onText?.(answer.text);
        return answer;
      },
      embed: () => Promise.reject(new Error('not meant')),
    },
    sandbox: {
      run: async ({ globals }) => {
        const { a, b } = globals['args'] as { a: number; b: number };
        if (a < 0) throw new NodeError('code_failed', 'a is below 0');
        return a + b;
      },
    },
  });
  return { context, asked, told };
}

async function run(params: Record<string, unknown>, { context }: Played): Promise<Record<string, Json>> {
  assert.ok(llmChat.runs === 'inline');
  const result = await llmChat.run(llmChat.params.parse({ model: 'tiny', ...params }) as never, context);
  assert.ok(result.kind === 'output');
  return result.output as Record<string, Json>;
}

const schema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] };
const adder = {
  name: 'add',
  parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] },
  source: 'return args.a + args.b',
};

test('a prompt is answered with text, usage and how it ended, and shown while it comes', async () => {
  const played = play([says('Hello.')]);
  assert.deepEqual(await run({ system: 'Be brief.', prompt: 'Hi', temperature: 0, maxTokens: 10, stop: ['x'] }, played), {
    text: 'Hello.',
    usage: { promptTokens: 3, completionTokens: 2 },
    model: 'tiny',
    finish: 'stop',
  });
  assert.deepEqual(played.asked[0]?.messages, [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ]);
  assert.deepEqual(played.asked[0]?.sampling, { maxTokens: 10, temperature: 0, topP: undefined, seed: undefined, stop: ['x'] });
  assert.deepEqual(played.told.at(-1), [0.15, 'Hello.']);
  assert.deepEqual(played.context.lines, ['loading tiny']);
});

test('messages are handed on as they are, images too', async () => {
  const played = play([says('A cat.')]);
  const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } }] }];
  await run({ messages }, played);
  assert.deepEqual(played.asked[0]?.messages, messages);
});

test('an answer that fits its schema is given as a value, also out of a fence or between words', async () => {
  for (const text of ['{"n":1}', 'Sure:\n```json\n{"n":1}\n```', 'Here it is: {"n":1}. Anything else?']) {
    const played = play([says(text)]);
    assert.deepEqual((await run({ prompt: 'n?', schema }, played))['json'], { n: 1 });
    assert.deepEqual(played.asked[0]?.responseFormat, { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } });
  }
});

test('an answer that does not fit goes back with its faults, so often and no oftener', async () => {
  const played = play([says('one'), says('{"n":"one"}'), says('{"n":1}')]);
  const output = await run({ prompt: 'n?', schema }, played);
  assert.deepEqual([output['json'], output['usage']], [{ n: 1 }, { promptTokens: 9, completionTokens: 6 }]);
  assert.match(JSON.stringify(played.asked[1]?.messages.at(-1)), /it is not JSON/);
  assert.match(JSON.stringify(played.asked[2]?.messages.at(-1)), /value\.n/);
  await assert.rejects(run({ prompt: 'n?', schema, repairs: 1 }, play([says('a'), says('b'), says('{"n":1}')])), { code: 'answer_invalid', final: false });
  await assert.rejects(run({ prompt: 'n?', schema }, play([says('{"n":', { finish: 'length' })])), { code: 'answer_cut' });
});

test('tools with a source run, and the model goes on with what they return', async () => {
  const played = play([calls('add', '{"a":2,"b":3}'), says('5')]);
  assert.equal((await run({ prompt: '2 + 3?', tools: [adder] }, played))['text'], '5');
  assert.deepEqual(played.asked[1]?.messages.slice(1), [
    { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a":2,"b":3}' } }] },
    { role: 'tool', tool_call_id: 'call_1', content: '5' },
  ]);
  assert.ok(played.context.lines.includes('tool add({"a":2,"b":3})'));
});

test('what a model gets wrong in a call it is told, and what the tool throws', async () => {
  for (const [call, told] of [
    [calls('subtract', '{}'), /there is no tool .*subtract/],
    [calls('add', '{"a":'), /not JSON/],
    [calls('add', '{"a":2}'), /args\.b/],
    [calls('add', '{"a":-1,"b":1}'), /a is below 0/],
  ] as const) {
    const played = play([call, says('sorry')]);
    await run({ prompt: '?', tools: [adder] }, played);
    assert.match(JSON.stringify(played.asked[1]?.messages.at(-1)?.content), told);
  }
});

test('a tool without a source ends the step with its calls; tools without end are given up', async () => {
  const output = await run({ prompt: '?', tools: [{ name: 'book' }] }, play([calls('book', '{"day":1}')]));
  assert.deepEqual(
    [output['finish'], output['toolCalls']],
    ['tool_calls', [{ id: 'call_1', type: 'function', function: { name: 'book', arguments: '{"day":1}' } }]],
  );
  const again = Array.from({ length: 9 }, () => calls('add', '{"a":1,"b":1}'));
  await assert.rejects(run({ prompt: '?', tools: [adder], maxRounds: 3 }, play(again)), { code: 'too_many_rounds' });
});

test('a filtered answer and a fault of the model are told by their code', async () => {
  await assert.rejects(run({ prompt: '?' }, play([says('', { finish: 'content_filter' })])), { code: 'answer_refused', final: true });
  await assert.rejects(run({ prompt: '?' }, play([])), { code: 'upstream_failed', final: false });
});

test('a node without a question, or with two, is refused when it is saved', () => {
  const check = (params: Record<string, Json>): number => llmChat.check?.({ key: 'ask', type: 'llm.chat', params } as never).length ?? 0;
  assert.deepEqual(
    [
      check({ model: 'a' }),
      check({ model: 'a', prompt: 'b' }),
      check({ model: 'a', prompt: 'b', messages: [] }),
      check({ model: 'a', messages: [], system: 'c' }),
    ],
    [1, 0, 1, 1],
  );
});
