/** The problems list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { docOf } from './json-doc.ts';
import { problemsOf, problemsOfDetails } from './problems.ts';

const doc = docOf('{\n  "nodes": [\n    { "key": "a", "type": "nope" }\n  ],\n  "edges": []\n}');

test('a problem of the server points at its value', () => {
  const [problem] = problemsOf(doc, [{ node: 'a', path: 'nodes[0].type', code: 'unknown_type', message: 'no type nope' }]);
  assert.equal(doc.text.slice(problem?.from, problem?.to), '"nope"');
  assert.equal(problem?.line, 3);
});

test('while the text is broken only its faults are shown', () => {
  const problems = problemsOf(docOf('{"nodes": [,]}'), [{ path: 'nodes', code: 'x', message: 'old' }]);
  assert.ok(problems.length > 0 && problems.every((problem) => problem.code === 'syntax'));
});

test('problems stand in the order of the text', () => {
  const problems = problemsOf(doc, [
    { path: 'edges', code: 'b', message: 'second' },
    { path: 'nodes[0].key', code: 'a', message: 'first' },
  ]);
  assert.deepEqual(
    problems.map((problem) => problem.message),
    ['first', 'second'],
  );
});

test('a refused body becomes problems, whatever its details', () => {
  assert.deepEqual(problemsOfDetails({ issues: [{ path: ['nodes', 0, 'key'], code: 'invalid_format', message: 'bad key' }] }, 'refused'), [
    { path: '["nodes"][0]["key"]', code: 'invalid_format', message: 'bad key' },
  ]);
  assert.deepEqual(problemsOfDetails({}, 'refused'), [{ path: '', code: 'invalid_body', message: 'refused' }]);
});
