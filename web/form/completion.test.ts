/** Completion and hover of the definition editor. The mark | in a text is the cursor. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeTypeView } from '../../src/contract/node-types.ts';
import { explainAt, offersAt } from './completion.ts';
import { docOf } from './json-doc.ts';

const type = (name: string, params: Record<string, unknown>, changes: Partial<NodeTypeView> = {}): NodeTypeView => ({
  type: name,
  version: 1,
  title: name,
  summary: `Does ${name}.`,
  category: 'flow',
  runs: 'inline',
  pure: true,
  queue: null,
  inputs: [],
  outputs: [{ name: 'out', title: 'Out', kind: 'json' }],
  dynamicOutputs: false,
  requires: 'user',
  params,
  docs: '',
  example: {},
  ...changes,
});
const http = {
  type: 'object',
  required: ['url'],
  properties: {
    method: { type: 'string', enum: ['GET', 'POST'], default: 'GET', description: 'The verb.' },
    url: { type: 'string', description: 'Where to.' },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
  },
};
const knowledge = {
  types: new Map([
    ['http.request', type('http.request', http)],
    [
      'branch.if',
      type(
        'branch.if',
        { type: 'object', properties: {} },
        {
          outputs: [
            { name: 'true', title: '', kind: 'json' },
            { name: 'false', title: '', kind: 'json' },
          ],
        },
      ),
    ],
    ['command', type('command', { type: 'object', properties: {} }, { requires: 'super_admin' })],
  ]),
  secrets: ['TOKEN'],
};

function offered(marked: string): readonly string[] {
  const position = marked.indexOf('|');
  return offersAt(docOf(marked.replace('|', '')), position, knowledge)?.offers.map((offer) => offer.label) ?? [];
}

function completed(marked: string, label: string): string {
  const position = marked.indexOf('|');
  const text = marked.replace('|', '');
  const found = offersAt(docOf(text), position, knowledge);
  const offer = found?.offers.find((each) => each.label === label);
  assert.ok(found !== undefined && offer !== undefined, `${label} is not offered`);
  const before = text.slice(0, found.from) + offer.insert;
  const cursor = before.length - offer.back;
  const whole = before + text.slice(found.to);
  return `${whole.slice(0, cursor)}|${whole.slice(cursor)}`;
}

test('a node offers its keys, without those it has', () => {
  const labels = offered('{"nodes": [{"key": "a", "|"}]}');
  assert.ok(labels.includes('type') && labels.includes('retry'));
  assert.ok(!labels.includes('key'));
});

test('types come with what they do and who may use them', () => {
  assert.deepEqual(offered('{"nodes": [{"type": "|"}]}'), ['http.request', 'branch.if', 'command']);
});

test('params offer what the type of their node asks for', () => {
  assert.deepEqual(offered('{"nodes": [{"type": "http.request", "params": {"|"}}]}'), ['method', 'url', 'headers']);
  assert.deepEqual(offered('{"nodes": [{"type": "http.request", "params": {"method": "|"}}]}'), ['GET', 'POST']);
  assert.deepEqual(offered('{"nodes": [{"type": "nope", "params": {"|"}}]}'), []);
});

test('a completed key brings its value and leaves the cursor in it', () => {
  assert.equal(completed('{"nodes": [{"type": "http.request", "params": {"|"}}]}', 'url'), '{"nodes": [{"type": "http.request", "params": {"url": "|"}}]}');
  assert.equal(
    completed('{"nodes": [{"type": "http.request", "params": {|}}]}', 'headers'),
    '{"nodes": [{"type": "http.request", "params": {"headers": {|}}}]}',
  );
});

test('renaming a key leaves its value alone', () => {
  assert.equal(
    completed('{"nodes": [{"type": "http.request", "params": {"|u": "x"}}]}', 'url'),
    '{"nodes": [{"type": "http.request", "params": {"url"|: "x"}}]}',
  );
});

test('a key before another key brings its comma', () => {
  assert.equal(completed('{"nodes": [{| "key": "a"}]}', 'type'), '{"nodes": [{"type": "|", "key": "a"}]}');
});

test('edges offer nodes, and ports where there are several', () => {
  const text = '{"nodes": [{"key": "ask", "type": "branch.if"}, {"key": "get", "type": "http.request"}], "edges": [{"from": "|"}]}';
  assert.deepEqual(offered(text), ['ask', 'ask.true', 'ask.false', 'ask.error', 'get', 'get.error']);
  assert.deepEqual(offered(text.replace('"from"', '"to"')), ['ask', 'get']);
});

test('inside braces the names of expressions are offered, step by step', () => {
  const text = (inner: string): string =>
    `{"inputSchema": {"type": "object", "properties": {"rows": {"type": "integer"}}}, "nodes": [{"key": "get", "type": "http.request"}, {"key": "b", "type": "http.request", "params": {"url": "x {{ ${inner}|"}}]}`;
  assert.ok(offered(text('')).includes('steps'));
  assert.deepEqual(offered(text('steps.')), ['get']);
  assert.deepEqual(offered(text('steps.get.')), ['output']);
  assert.deepEqual(offered(text('$sum(steps.get.output.')), ['status', 'headers', 'body']);
  assert.deepEqual(offered(text('input.')), ['rows']);
  assert.deepEqual(offered(text('secrets.')), ['TOKEN']);
});

test('a closed expression offers nothing more', () => {
  assert.deepEqual(offered('{"nodes": [{"key": "a", "type": "http.request", "params": {"url": "{{ input }} |"}}]}'), []);
});

test('a condition is an expression without braces', () => {
  assert.ok(offered('{"nodes": [{"key": "a", "condition": "|"}]}').includes('input'));
});

test('only the part after the last dot is replaced', () => {
  assert.equal(
    completed('{"nodes": [{"key": "a", "type": "command"}, {"key": "b", "params": {"text": "{{ steps.a.output.st|"}}]}', 'stdout'),
    '{"nodes": [{"key": "a", "type": "command"}, {"key": "b", "params": {"text": "{{ steps.a.output.stdout|"}}]}',
  );
});

test('triggers offer the params of their type', () => {
  assert.deepEqual(offered('{"triggers": [{"type": "cron", "params": {"|"}}]}'), [
    'expression',
    'timezone',
    'input',
    'catchUp',
    'catchUpWindowS',
    'overlap',
    'jitterS',
  ]);
  assert.ok(offered('{"triggers": [{"type": "webhook", "params": {"|"}}]}').includes('secret'));
});

test('a hover explains keys and types', () => {
  const hover = (marked: string): string | undefined => explainAt(docOf(marked.replace('|', '')), marked.indexOf('|'), knowledge)?.text;
  assert.equal(hover('{"nodes": [{"type": "http.req|uest"}]}'), 'Does http.request.');
  assert.equal(hover('{"nodes": [{"type": "http.request", "params": {"met|hod": "GET"}}]}'), 'The verb.');
  assert.match(hover('{"nodes": [{"ret|ry": {}}]}') ?? '', /tried again/);
});
