/** Definitions as documents over the API: what goes out comes in again, nothing runs by it, and nothing of another org is seen. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asObject, itemsOf } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { testScenarios } from '../../test/scenarios.ts';

let app: TestApp;
let id = '';
let made = '';
before(async () => {
  app = await startApp();
});
after(() => app.close());

const hook = { key: 'hook', type: 'webhook', params: { auth: 'none' } };
const note = { id: 'note-1', text: 'Why this is here', position: { x: 0, y: 0 }, colour: 'amber' };
const one = { nodes: [{ key: 'a', type: 'noop', params: { output: '{{ secrets.TOKEN }}' } }], edges: [], comments: [note], triggers: [hook] };
const two = {
  ...one,
  nodes: [
    { ...one.nodes[0], timeoutMs: 5_000 },
    { key: 'b', type: 'noop' },
  ],
  edges: [{ from: 'a', to: 'b' }],
};
const document = { studio: 1, kind: 'workflow', name: 'Brought', description: 'From elsewhere', definition: one };
const keep = (body: Record<string, unknown>): void => {
  id = String(body['id']);
};
const keepMade = (body: Record<string, unknown>): void => {
  made = String(body['workflowId'] ?? body['id']);
};

testScenarios(
  () => app,
  [
    {
      name: 'a workflow to work with',
      request: 'POST /api/v1/workflows',
      body: { name: 'First', ...one },
      expect: { status: 201 },
      events: ['workflows:workflow:published'],
      keep,
    },
    {
      name: 'and its second version',
      request: () => `PUT /api/v1/workflows/${id}`,
      headers: { 'if-match': '*' },
      body: { name: 'First', ...two },
      expect: { status: 200, body: { version: 2 } },
      events: ['workflows:workflow:published'],
    },
    {
      name: 'the newest version is compared with the one before it',
      as: 'user',
      request: () => `GET /api/v1/workflows/${id}/diff`,
      expect: {
        status: 200,
        body: {
          from: '1',
          to: '2',
          isSame: false,
          nodes: { added: [{ key: 'b' }], removed: [], changed: [{ key: 'a', changes: [{ path: 'timeoutMs', after: 5_000 }] }] },
          edges: { added: [{ from: 'a', to: 'b' }] },
          triggers: { added: [], removed: [], changed: [] },
        },
      },
    },
    {
      name: 'backwards too',
      request: () => `GET /api/v1/workflows/${id}/diff?from=2&to=1`,
      expect: { status: 200, body: { nodes: { removed: [{ key: 'b' }] } } },
    },
    {
      name: 'the same version does not differ',
      request: () => `GET /api/v1/workflows/${id}/diff?from=2&to=2`,
      expect: { status: 200, body: { isSame: true } },
    },
    {
      name: 'a version that is not there',
      request: () => `GET /api/v1/workflows/${id}/diff?from=3`,
      expect: { status: 404, code: 'not_found', says: ['no version 3; the newest is 2'] },
    },
    { name: 'a version beyond all numbers', request: () => `GET /api/v1/workflows/${id}/diff?from=9999999999`, expect: { status: 404, code: 'not_found' } },
    {
      name: 'a version that is no number',
      request: () => `GET /api/v1/workflows/${id}/diff?from=old`,
      expect: { status: 400, code: 'invalid_query', says: ['"from"', 'draft'] },
    },
    {
      name: 'a draft that is not there',
      request: () => `GET /api/v1/workflows/${id}/diff?to=draft`,
      expect: { status: 404, code: 'not_found', says: ['has no draft'] },
    },
    {
      name: 'a draft without shape',
      request: () => `PUT /api/v1/workflows/${id}/draft`,
      body: { definition: { nodes: 'later' } },
      expect: { status: 200 },
      events: ['workflows:workflow:draft_saved'],
    },
    {
      name: 'is not compared, and says why',
      request: () => `GET /api/v1/workflows/${id}/diff?to=draft`,
      expect: { status: 422, code: 'invalid_graph', says: ['nodes: .*expected an array'] },
    },
    {
      name: 'a draft with shape',
      request: () => `PUT /api/v1/workflows/${id}/draft`,
      body: { definition: { ...two, settings: { priority: 9 } } },
      expect: { status: 200 },
      events: ['workflows:workflow:draft_saved'],
    },
    {
      name: 'is compared with the newest version',
      request: () => `GET /api/v1/workflows/${id}/diff?to=draft`,
      expect: { status: 200, body: { from: '2', to: 'draft', settings: [{ path: 'priority', after: 9 }], nodes: { changed: [] } } },
    },
    {
      name: 'two definitions that are not stored are compared, comments too',
      as: 'user',
      request: 'POST /api/v1/workflows/compare',
      body: { before: one, after: { ...one, comments: [{ ...note, text: 'Because' }] } },
      expect: {
        status: 200,
        body: {
          isSame: false,
          nodes: { changed: [] },
          comments: { changed: [{ key: 'note-1', changes: [{ path: 'text', before: note.text, after: 'Because' }] }] },
        },
      },
    },
    {
      name: 'comments are no structure: publishing others keeps the version',
      request: () => `PUT /api/v1/workflows/${id}`,
      headers: { 'if-match': '*' },
      body: { name: 'First', ...two, comments: [] },
      expect: { status: 200, body: { version: 2 } },
      events: ['workflows:workflow:published'],
    },
    {
      name: 'a comment of no known colour is refused',
      request: 'POST /api/v1/workflows/validate',
      body: { ...one, comments: [note, { ...note, colour: 'pink' }] },
      expect: { status: 400, code: 'invalid_body', says: ['comments\\[1\\].colour'] },
    },
    {
      name: 'and two comments of one id',
      request: 'POST /api/v1/workflows/validate',
      body: { ...one, comments: [note, note] },
      expect: { status: 400, code: 'invalid_body', says: ['two comments have the same id'] },
    },
    { name: 'another org sees no difference', as: 'stranger', request: () => `GET /api/v1/workflows/${id}/diff`, expect: { status: 404, code: 'not_found' } },
    { name: 'nor takes it out', as: 'stranger', request: () => `GET /api/v1/workflows/${id}/export`, expect: { status: 404, code: 'not_found' } },
    { name: 'nor copies it', as: 'stranger', request: () => `POST /api/v1/workflows/${id}/copy`, body: {}, expect: { status: 404, code: 'not_found' } },
    {
      name: 'a document becomes a workflow, with its triggers off',
      as: 'user',
      request: 'POST /api/v1/workflows/import',
      body: document,
      expect: { status: 201, body: { name: 'Brought', isDraft: false, problems: [], triggersOff: ['hook'] } },
      events: ['workflows:workflow:published'],
      keep: keepMade,
    },
    {
      name: 'as it was, but for its triggers',
      request: () => `GET /api/v1/workflows/${made}`,
      expect: {
        status: 200,
        body: { version: 1, description: 'From elsewhere', definition: { comments: [note] }, triggers: [{ key: 'hook', enabled: false }] },
      },
    },
    {
      name: 'a dry run makes nothing, and tells what it would make',
      request: 'POST /api/v1/workflows/import?dryRun',
      body: document,
      expect: { status: 200, body: { workflowId: null, problems: [], document: { name: document.name } } },
    },
    {
      name: 'what can not be published is refused, problem by problem',
      request: 'POST /api/v1/workflows/import',
      body: {
        ...document,
        definition: {
          nodes: [
            { key: 'a', type: 'secret.hidden' },
            { key: 'b', type: 'noop', typeVersion: 99 },
          ],
          edges: [],
        },
      },
      expect: { status: 422, code: 'invalid_graph', says: ['no node type "secret.hidden"', 'version 99', 'as=draft'] },
    },
    {
      name: 'or told by a dry run',
      request: 'POST /api/v1/workflows/import?dryRun=true',
      body: { ...document, definition: { nodes: 'none' } },
      expect: {
        status: 200,
        body: {
          workflowId: null,
          problems: [
            { code: 'bad_shape', path: 'nodes' },
            { code: 'bad_shape', path: 'edges' },
          ],
        },
      },
    },
    {
      name: 'or kept as a draft',
      request: 'POST /api/v1/workflows/import?as=draft',
      body: { ...document, definition: { nodes: [{ key: 'a', type: 'secret.hidden' }], edges: [] } },
      expect: { status: 201, body: { isDraft: true, problems: [{ code: 'unknown_type' }] } },
      events: ['workflows:workflow:published', 'workflows:workflow:draft_saved'],
      keep: keepMade,
    },
    {
      name: 'which is read as it came',
      request: () => `GET /api/v1/workflows/${made}/draft`,
      expect: { status: 200, body: { draft: { name: 'Brought', definition: { nodes: [{ type: 'secret.hidden' }] } } } },
    },
    {
      name: 'a user brings nothing in that runs commands',
      as: 'user',
      request: 'POST /api/v1/workflows/import',
      body: { ...document, definition: { nodes: [{ key: 'a', type: 'command', params: { command: ['true'] } }], edges: [] } },
      expect: { status: 403, code: 'forbidden', says: ['super_admin'] },
    },
    {
      name: 'another kind of document',
      request: 'POST /api/v1/workflows/import',
      body: { ...document, kind: 'credential' },
      expect: { status: 400, code: 'invalid_body', says: ['"kind": expected "workflow"'] },
    },
    {
      name: 'a format from the future',
      request: 'POST /api/v1/workflows/import',
      body: { ...document, studio: 2 },
      expect: { status: 400, code: 'invalid_body', says: ['"studio": expected 1; got 2'] },
    },
    {
      name: 'a document with an id and a token',
      request: 'POST /api/v1/workflows/import',
      body: { ...document, id: 'wf_1', token: 'x' },
      expect: { status: 400, code: 'invalid_body', says: ['unknown keys "id", "token"'] },
    },
    {
      name: 'a copy has a name of its own and its triggers off',
      request: () => `POST /api/v1/workflows/${id}/copy`,
      body: {},
      expect: { status: 201, body: { name: 'Copy of First', version: 1, nodeCount: 2, triggers: [{ enabled: false }] } },
      events: ['workflows:workflow:published'],
    },
    {
      name: 'or the name it is given',
      request: () => `POST /api/v1/workflows/${id}/copy`,
      body: { name: 'Mine' },
      expect: { status: 201, body: { name: 'Mine' } },
      events: ['workflows:workflow:published'],
    },
  ],
);

const client = (): TestApp['people']['superAdmin']['client'] => app.people.superAdmin.client;
const yamlType = { 'content-type': 'application/yaml' };

for (const format of ['json', 'yaml'] as const)
  test(`what goes out as ${format} comes in again the same, without ids or tokens`, async () => {
    const out = await client().call('GET', `/api/v1/workflows/${id}/export?format=${format}`);
    assert.equal(out.status, 200);
    assert.equal(out.headers['content-type'], `application/${format}; charset=utf-8`);
    assert.equal(out.headers['content-disposition'], `attachment; filename="first.${format}"`);
    const { definition, triggers } = await client().expect(200, 'GET', `/api/v1/workflows/${id}`);
    const [{ url } = { url: '' }] = triggers as { url: string }[];
    const token = url.split('/').at(-1) ?? '';
    assert.ok(token !== '' && !out.text.includes(token) && !out.text.includes(id), 'neither id nor token');
    assert.ok(out.text.includes('{{ secrets.TOKEN }}'), 'a secret by its name');
    const back = await client().call('POST', '/api/v1/workflows/import', { body: out.text, headers: { 'content-type': `application/${format}` } });
    assert.equal(back.status, 201, back.text);
    const copy = await client().expect(200, 'GET', `/api/v1/workflows/${String(asObject(back.body)['workflowId'])}`);
    const off = { ...asObject(definition), triggers: [{ ...hook, enabled: false }] };
    assert.deepEqual(copy['definition'], off);
  });

test('the same Idempotency-Key makes one workflow', async () => {
  const send = () => client().call('POST', '/api/v1/workflows/import', { body: { ...document, name: 'Once' }, headers: { 'idempotency-key': 'import-once' } });
  const [first, second] = [await send(), await send()];
  assert.deepEqual([first.status, second.status, first.body], [201, 201, second.body]);
  assert.equal(itemsOf(await client().expect(200, 'GET', '/api/v1/workflows?search=Once')).length, 1);
});

const hostile: readonly [name: string, body: string, headers: Record<string, string>, status: number][] = [
  ['10 MiB and more', `{"studio":1,"x":"${'x'.repeat(10 * 1024 * 1024)}"}`, { 'content-type': 'application/json' }, 413],
  ['a bomb of aliases', 'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n', yamlType, 400],
  ['a circle', '&a\nstudio: 1\nself: *a\n', yamlType, 400],
  ['a prototype', '{"studio":1,"kind":"workflow","name":"x","definition":{"__proto__":{"polluted":1}}}', { 'content-type': 'application/json' }, 400],
  [
    'a constructor',
    '{"studio":1,"kind":"workflow","name":"x","definition":{"constructor":{"prototype":{"polluted":1}}}}',
    { 'content-type': 'application/json' },
    422,
  ],
  ['one million brackets', '['.repeat(1_000_000), { 'content-type': 'application/json' }, 400],
  ['YAML that is only text', 'hello', yamlType, 400],
  ['nothing', '', yamlType, 400],
];
for (const [name, body, headers, status] of hostile)
  test(`hostile: ${name} is refused, and makes nothing`, async () => {
    const before = itemsOf(await client().expect(200, 'GET', '/api/v1/workflows?limit=200')).length;
    const reply = await client().call('POST', '/api/v1/workflows/import', { body, headers });
    assert.equal(reply.status, status, reply.text.slice(0, 500));
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    assert.equal(itemsOf(await client().expect(200, 'GET', '/api/v1/workflows?limit=200')).length, before);
    assert.equal(itemsOf(await client().expect(200, 'GET', '/api/v1/instances')).length, 0);
  });
