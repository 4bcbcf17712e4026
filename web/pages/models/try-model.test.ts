import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { readEvents } from './event-stream.ts';
import { chatBody, figuresOf, isEmbedder, newAnswer, readAnswer, sendsOn, vectorWords } from './try-model.ts';
import type { StreamItem } from './event-stream.ts';
import type { Answer } from './try-model.ts';

type Body = ReadableStream<Uint8Array<ArrayBuffer>>;

/** A response in these pieces; `fault`: it breaks after them. */
function bodyOf(pieces: readonly (string | Uint8Array<ArrayBuffer>)[], fault?: Error): Body {
  const left = pieces.map((piece) => (typeof piece === 'string' ? new TextEncoder().encode(piece) : piece));
  return new ReadableStream({
    pull(controller) {
      const next = left.shift();
      if (next !== undefined) controller.enqueue(next);
      else if (fault !== undefined) controller.error(fault);
      else controller.close();
    },
  });
}

async function eventsOf(body: Body): Promise<StreamItem[]> {
  const all: StreamItem[] = [];
  for await (const items of readEvents(body)) all.push(...items);
  return all;
}

const chunk = (delta: object, more: object = {}): string => `data: ${JSON.stringify({ choices: [{ index: 0, delta, ...more }] })}\n\n`;
const never = new AbortController().signal;

/** Every state of an answer, a second apart. */
async function statesOf(open: () => Promise<Body>, signal = never): Promise<Answer[]> {
  const states: Answer[] = [];
  let atMs = 0;
  await readAnswer(open, { signal, now: () => (atMs += 1_000), onChange: (answer) => states.push(answer) });
  return states;
}

test('events come whole, wherever the network cuts them: between bytes of a letter, in a line, in a line break', async () => {
  const text = ': waiting: für GPU 0 (40 %)\r\n\r\ndata: {"a":"ü"}\r\n\r\nevent: x\ndata: one\ndata:two\n\ndata: last';
  const wanted = [
    { kind: 'comment', text: 'waiting: für GPU 0 (40 %)' },
    { kind: 'data', text: '{"a":"ü"}' },
    { kind: 'data', text: 'one\ntwo' },
    { kind: 'data', text: 'last' },
  ];
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at <= bytes.length; at += 1) deepEqual(await eventsOf(bodyOf([bytes.slice(0, at), bytes.slice(at)])), wanted, `cut at ${at}`);
  deepEqual(await eventsOf(bodyOf([...bytes].map((byte) => new Uint8Array([byte])))), wanted);
});

test('an answer shows what is waited for, then its reasoning, then its text, then its figures', async () => {
  const states = await statesOf(() =>
    Promise.resolve(
      bodyOf([
        ': waiting: loading (40 %)\n\n',
        ': still here\n\n',
        chunk({ role: 'assistant', reasoning_content: 'hm' }),
        chunk({ content: 'Hel' }),
        chunk({ content: 'lo' }) +
          chunk({}, { finish_reason: 'length' }) +
          'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":5}}\n\ndata: [DONE]\n\n',
      ]),
    ),
  );
  deepEqual(
    states.map(({ status, waiting, reasoning, text }) => [status, waiting, reasoning, text]),
    [
      ['running', 'loading (40 %)', '', ''],
      ['running', 'loading (40 %)', '', ''],
      ['running', '', 'hm', ''],
      ['running', '', 'hm', 'Hel'],
      ['done', '', 'hm', 'Hello'],
    ],
  );
  const last = states.at(-1) ?? newAnswer(0);
  equal(figuresOf(last), '1 token read, 5 written · 2.0 tokens/s · first after 3.0 s · cut at the limit of tokens');
});

test('an answer that fails, breaks off or is stopped keeps what came of it', async () => {
  const fault = { error: { message: 'The model ran out of memory.', type: 'server_error', param: null, code: 'upstream_failed' } };
  const [, inside] = await statesOf(() => Promise.resolve(bodyOf([chunk({ content: 'a' }), `data: ${JSON.stringify(fault)}\n\n`])));
  deepEqual([inside?.status, inside?.text, inside?.error?.code, inside?.error?.message], ['failed', 'a', 'upstream_failed', 'The model ran out of memory.']);
  const [, short] = await statesOf(() => Promise.resolve(bodyOf([chunk({ content: 'a' })])));
  deepEqual([short?.status, short?.text, short?.error?.code], ['failed', 'a', 'network']);
  const [, torn] = await statesOf(() => Promise.resolve(bodyOf([chunk({ content: 'a' })], new TypeError('network error'))));
  deepEqual([torn?.status, torn?.text, torn?.error?.code], ['failed', 'a', 'network']);
  const [odd] = await statesOf(() => Promise.resolve(bodyOf(['data: <html>\n\n'])));
  deepEqual([odd?.status, odd?.error?.code], ['failed', 'bad_reply']);
  const stop = new AbortController();
  stop.abort();
  const [, stopped] = await statesOf(() => Promise.resolve(bodyOf([chunk({ content: 'a' })], stop.signal.reason as Error)), stop.signal);
  deepEqual([stopped?.status, stopped?.text, stopped?.error], ['stopped', 'a', undefined]);
  match(figuresOf(stopped ?? newAnswer(0)), /^stopped/);
});

test('the next question carries the talk, without what was never answered', () => {
  const said = { ...newAnswer(0), status: 'done', text: 'Hello' } as const;
  const body = chatBody('tiny', {
    instructions: ' Be brief. ',
    turns: [
      { question: 'Hi', answer: said },
      { question: 'Lost', answer: { ...newAnswer(0), status: 'failed' } },
    ],
    question: 'And now?',
  });
  deepEqual(
    body.messages.map(({ role, content }) => [role, content]),
    [
      ['system', 'Be brief.'],
      ['user', 'Hi'],
      ['assistant', 'Hello'],
      ['user', 'And now?'],
    ],
  );
  deepEqual([body.stream, body.stream_options], [true, { include_usage: true }]);
});

test('Enter sends; with Shift, or while an input method composes, it does not', () => {
  let prevented = 0;
  const press = (key: string, shiftKey = false, isComposing = false): boolean =>
    sendsOn({ key, shiftKey, isComposing, preventDefault: () => void (prevented += 1) });
  deepEqual([press('Enter'), press('Enter', true), press('Enter', false, true), press('a'), prevented], [true, false, false, false, 1]);
});

test('models for vectors are known by name or architecture, and a vector shows how it begins', () => {
  for (const name of ['nomic-embed-text:v1.5', 'bge-m3', 'all-MiniLM-L6', 'acme/e5-large']) equal(isEmbedder({ name, architecture: null }), true, name);
  equal(isEmbedder({ name: 'mine', architecture: 'jina-bert-v2' }), true);
  for (const name of ['llama3', 'qwen3-8b', 'bigge5t']) equal(isEmbedder({ name, architecture: 'llama' }), false, name);
  equal(vectorWords([1, -0.123456, 3], 2), '[1, -0.1235, …]');
  equal(vectorWords([]), '[]');
});
