import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFrames } from './frames.ts';
import { toHistory } from './llama-messages.ts';
import { toGrammarSchema } from './llama-schema.ts';
import { createStopFilter, createTokenText } from './llama-stop.ts';
import { Duplex, PassThrough } from 'node:stream';

test('a stop string is never seen, wherever the text is cut', () => {
  const whole = 'one two STOP three';
  for (let at = 1; at < whole.length; at++) {
    const filter = createStopFilter(['STOP', '']);
    const first = filter.push(whole.slice(0, at));
    const second = first.isStopped ? first : filter.push(whole.slice(at));
    assert.equal(first.isStopped ? first.text : first.text + second.text, 'one two ');
    assert.ok(second.isStopped);
  }
});

test('what only looks like the beginning of a stop string comes in the end', () => {
  const filter = createStopFilter(['STOP']);
  assert.deepEqual(filter.push('a STO'), { text: 'a ', isStopped: false });
  assert.equal(filter.rest(), 'STO');
});

test('a character of several tokens comes whole, and bytes that are none come in the end', () => {
  const bytes = [...Buffer.from('é😀')];
  const text = createTokenText<number>((tokens) => Buffer.from(tokens).toString());
  assert.equal(bytes.map((byte) => text.push(byte)).join(''), 'é😀');
  assert.equal(text.push(0xf0), '');
  assert.equal(text.rest(), '\u{FFFD}');
});

test('frames come whole over pieces of any size; one that is too large or no JSON ends the conversation', () => {
  const heard: unknown[] = [];
  const faults: (string | undefined)[] = [];
  const take = (bytes: Buffer, step: number): void => {
    const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    createFrames(stream, { onMessage: (message) => void heard.push(message), onEnd: (fault) => void faults.push(fault) });
    for (let at = 0; at < bytes.length; at += step) stream.emit('data', bytes.subarray(at, at + step));
  };
  const out = new PassThrough();
  const written: Buffer[] = [];
  out.on('data', (chunk: Buffer) => void written.push(chunk));
  const frames = createFrames(out, { onMessage: () => undefined, onEnd: () => undefined });
  frames.send({ a: 'é' });
  frames.send({ b: 2 });
  for (const step of [1, 3, 1_000]) take(Buffer.concat(written), step);
  assert.deepEqual(heard, [{ a: 'é' }, { b: 2 }, { a: 'é' }, { b: 2 }, { a: 'é' }, { b: 2 }]);
  take(Buffer.from([0xff, 0xff, 0xff, 0xff]), 4);
  take(Buffer.from([0, 0, 0, 1, 0x7b]), 5);
  assert.match(faults[0] ?? '', /the limit is/);
  assert.match(faults[1] ?? '', /no JSON/);
});

test('a JSON schema becomes what a grammar can hold to, and what it can not is refused with its place', () => {
  assert.deepEqual(
    toGrammarSchema(
      {
        type: 'object',
        properties: { a: { anyOf: [{ type: 'string', pattern: 'x' }, { type: 'null' }] }, b: { $ref: '#/definitions/d' } },
        definitions: { d: { type: ['integer', 'null'] } },
      },
      'schema',
    ),
    {
      type: 'object',
      properties: { a: { oneOf: [{ type: 'string' }, { type: 'null' }] }, b: { $ref: '#/$defs/d' } },
      additionalProperties: false,
      $defs: { d: { oneOf: [{ type: 'integer' }, { type: 'null' }] } },
    },
  );
  assert.throws(() => toGrammarSchema({ type: 'object', properties: { a: { allOf: [{}, {}] } } }, 'schema'), {
    code: 'invalid_body',
    message: /schema\.properties\.a\.allOf/,
  });
});

test('results of tools stand with their calls, and one without a call is refused', () => {
  const calls = [{ role: 'assistant', content: null, tool_calls: [{ id: 'c1', function: { name: 'f', arguments: '{"a":1}' } }] }];
  const history = toHistory([{ role: 'user', content: 'hi' }, ...calls, { role: 'tool', content: 'plain', tool_call_id: 'c1' }]);
  assert.deepEqual(history.at(-1), { type: 'model', response: [{ type: 'functionCall', name: 'f', params: { a: 1 }, result: 'plain', startsNewChunk: true }] });
  assert.deepEqual(toHistory([{ role: 'user', content: 'hi' }]).at(-1), { type: 'model', response: [] });
  assert.throws(() => toHistory([...calls, { role: 'tool', content: 'x', tool_call_id: 'other' }]), {
    code: 'invalid_body',
    message: /messages\[1\]\.tool_call_id/,
  });
  assert.throws(() => toHistory([{ role: 'robot', content: 'x' }]), { message: /messages\[0\]\.role/ });
});
