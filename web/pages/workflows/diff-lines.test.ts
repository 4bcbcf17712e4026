import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffLines } from './diff-lines.ts';

const nothing = { added: [], removed: [], changed: [] };

test('each change is a line that says what was and what is', () => {
  const lines = diffLines({
    isSame: false,
    nodes: {
      added: [{ key: 'b', type: 'noop', in: 'm' }],
      removed: [{ key: 'c', type: 'set' }],
      changed: [
        {
          key: 'a',
          changes: [
            { path: 'timeoutMs', after: 5 },
            { path: 'params.url', before: 'http://x', after: 'http://y' },
            { path: 'notes', before: 'n'.repeat(300) },
          ],
        },
      ],
    },
    edges: { ...nothing, added: [{ from: 'a', to: 'b' }] },
    triggers: { ...nothing, removed: [{ key: 'daily', type: 'cron' }] },
    comments: { ...nothing, added: [{ id: 'note-1', text: 'why' }] },
    settings: [{ path: 'priority', before: 1, after: 2 }],
    inputSchema: [{ path: '', after: { type: 'object' } }],
  });
  assert.deepEqual(lines, [
    '+ node b (noop) in m',
    '- node c (set)',
    '~ node a, timeoutMs: now 5',
    '~ node a, params.url: "http://x" → "http://y"',
    `~ node a, notes: was "${'n'.repeat(198)}…, now not set`,
    '+ edge a → b',
    '- trigger daily (cron)',
    '+ comment “why”',
    '~ settings, priority: 1 → 2',
    '~ inputSchema: now {"type":"object"}',
  ]);
  assert.deepEqual(diffLines({ isSame: true, nodes: nothing, edges: nothing, triggers: nothing, comments: nothing, settings: [], inputSchema: [] }), [
    'no difference',
  ]);
});
