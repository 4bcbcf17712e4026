/** Workflows over the API: publishing, drafts, versions, refusals; each scenario also shows that nothing else happened. */
import { after, before } from 'node:test';
import { startApp, type TestApp } from '../../test/app.ts';
import { testScenarios } from '../../test/scenarios.ts';

let app: TestApp;
let id = '';
before(async () => {
  app = await startApp();
});
after(() => app.close());

const one = { nodes: [{ key: 'a', type: 'noop', params: { output: 1 } }], edges: [] };
const two = { ...one, nodes: [...one.nodes, { key: 'b', type: 'noop' }] };
const keep = (body: Record<string, unknown>): void => {
  id = String(body['id']);
};

testScenarios(
  () => app,
  [
    {
      name: 'a valid graph becomes version 1',
      as: 'user',
      request: 'POST /api/v1/workflows',
      body: { name: 'First', ...one },
      expect: { status: 201, body: { name: 'First', version: 1, nodeCount: 1, hasDraft: false, triggers: [] } },
      events: ['workflows:workflow:published'],
      keep: keep,
    },
    {
      name: 'an invalid graph is refused with one entry per problem',
      request: 'POST /api/v1/workflows',
      body: {
        name: 'Bad',
        nodes: [
          { key: 'a', type: 'nope' },
          { key: 'a', type: 'noop' },
        ],
        edges: [{ from: 'a', to: 'x' }],
      },
      expect: { status: 422, code: 'invalid_graph', says: ['3 problems', 'nodes\\[0\\].type', '"x", which is no node'] },
    },
    {
      name: 'an unknown key of the body is refused',
      request: 'POST /api/v1/workflows',
      body: { name: 'Bad', ...one, nodez: [] },
      expect: { status: 400, code: 'invalid_body', says: ['nodez'] },
    },
    {
      name: 'a user can not publish what runs commands',
      as: 'user',
      request: 'POST /api/v1/workflows',
      body: { name: 'Cmd', nodes: [{ key: 'c', type: 'command', params: { command: ['true'] } }], edges: [] },
      expect: { status: 403, code: 'forbidden', says: ['super_admin', 'you are user'] },
    },
    {
      name: 'publishing needs If-Match',
      request: () => `PUT /api/v1/workflows/${id}`,
      body: { name: 'First', ...two },
      expect: { status: 412, code: 'stale_version', says: ['If-Match'] },
    },
    {
      name: 'a stale ETag is refused',
      request: () => `PUT /api/v1/workflows/${id}`,
      headers: { 'if-match': '"r0"' },
      body: { name: 'First', ...two },
      expect: { status: 412, code: 'stale_version', says: ['"r0"', '"r1"'] },
    },
    {
      name: 'an unchanged structure keeps its number',
      request: () => `PUT /api/v1/workflows/${id}`,
      headers: { 'if-match': '"r1"' },
      body: { name: 'Renamed', ...one, nodes: [{ ...one.nodes[0], position: { x: 1, y: 2 } }] },
      expect: { status: 200, body: { name: 'Renamed', version: 1, etag: '"r2"', definition: { nodes: [{ position: { x: 1, y: 2 } }] } } },
      events: ['workflows:workflow:published'],
      keep: keep,
    },
    {
      name: 'a changed structure becomes version 2',
      request: () => `PUT /api/v1/workflows/${id}`,
      headers: { 'if-match': '"r2"' },
      body: { name: 'Renamed', ...two },
      expect: { status: 200, body: { version: 2, nodeCount: 2 } },
      events: ['workflows:workflow:published'],
      keep: keep,
    },
    {
      name: 'a draft may be invalid, and says what is wrong',
      request: () => `PUT /api/v1/workflows/${id}/draft`,
      body: { definition: { nodes: [{ key: 'a', type: 'noop', params: { output: '{{ input.[ }}' } }], edges: 'later' } },
      expect: { status: 200, body: { problems: [{ code: 'bad_shape', path: 'edges' }] } },
      events: ['workflows:workflow:draft_saved'],
    },
    {
      name: 'the draft is read as it was typed',
      request: () => `GET /api/v1/workflows/${id}/draft`,
      expect: { status: 200, body: { draft: { definition: { edges: 'later' } } } },
    },
    {
      name: 'a draft saved meanwhile by someone else is not written over',
      request: () => `PUT /api/v1/workflows/${id}/draft`,
      headers: { 'if-match': '"d0"' },
      body: { definition: {} },
      expect: { status: 412, code: 'stale_version', says: ['saved by someone else'] },
    },
    {
      name: 'a draft does not make the ETag of the workflow stale',
      request: () => `PUT /api/v1/workflows/${id}`,
      headers: { 'if-match': '"r3"' },
      body: { name: 'Renamed', ...two },
      expect: { status: 200, body: { version: 2, hasDraft: false, etag: '"r4"' } },
      events: ['workflows:workflow:published'],
      keep: keep,
    },
    {
      name: 'versions are listed, newest first',
      request: () => `GET /api/v1/workflows/${id}/versions`,
      expect: { status: 200, body: { items: [{ version: 2 }, { version: 1 }], next: null } },
    },
    {
      name: 'an old version can be read',
      request: () => `GET /api/v1/workflows/${id}/versions/1`,
      expect: { status: 200, body: { version: 1, definition: { nodes: [{ key: 'a' }] } } },
    },
    {
      name: 'an old version can be restored as the newest',
      request: () => `POST /api/v1/workflows/${id}/versions/1/restore`,
      expect: { status: 200, body: { version: 3, nodeCount: 1 } },
      events: ['workflows:workflow:published'],
    },
    {
      name: 'a version that is not there is not found',
      request: () => `POST /api/v1/workflows/${id}/versions/9/restore`,
      expect: { status: 404, code: 'not_found' },
    },
    {
      name: 'validation says what publishing would',
      as: 'user',
      request: 'POST /api/v1/workflows/validate',
      body: {
        nodes: [
          { key: 'a', type: 'noop' },
          { key: 'b', type: 'noop' },
        ],
        edges: [
          { from: 'a', to: 'b' },
          { from: 'b', to: 'a' },
        ],
      },
      expect: { status: 200, body: { problems: [{ node: 'a', code: 'cycle' }] } },
    },
    {
      name: 'the list finds by name',
      request: 'GET /api/v1/workflows?search=renam',
      expect: { status: 200, body: { items: [{ name: 'Renamed', lastInstance: null }], next: null } },
    },
    { name: 'the list of another org is its own', as: 'stranger', request: 'GET /api/v1/workflows?search=renam', expect: { status: 200, body: { items: [] } } },
    {
      name: 'the workflow of another org is not found',
      as: 'stranger',
      request: () => `GET /api/v1/workflows/${id}`,
      expect: { status: 404, code: 'not_found' },
    },
    {
      name: 'nor published over',
      as: 'stranger',
      request: () => `PUT /api/v1/workflows/${id}`,
      headers: { 'if-match': '*' },
      body: { name: 'Mine', ...one },
      expect: { status: 404, code: 'not_found' },
    },
    { name: 'nor archived', as: 'stranger', request: () => `DELETE /api/v1/workflows/${id}`, expect: { status: 404, code: 'not_found' } },
    { name: 'a workflow is archived', request: () => `DELETE /api/v1/workflows/${id}`, expect: { status: 204 }, events: ['workflows:workflow:archived'] },
    {
      name: 'and runs no more',
      request: () => `POST /api/v1/workflows/${id}/instances`,
      body: {},
      expect: { status: 409, code: 'conflict', says: ['is archived'] },
    },
    {
      name: 'an archived workflow is taken back',
      request: () => `POST /api/v1/workflows/${id}/unarchive`,
      expect: { status: 200, body: { archivedAt: null, name: 'Renamed' } },
      events: ['workflows:workflow:unarchived'],
    },
    {
      name: 'and only once',
      request: () => `POST /api/v1/workflows/${id}/unarchive`,
      expect: { status: 409, code: 'conflict', says: ['is not archived'] },
    },
    {
      name: 'a workflow is tagged, each tag once whatever its case',
      as: 'user',
      request: () => `PUT /api/v1/workflows/${id}/tags`,
      body: { tags: [' Nightly ', 'nightly', 'Röntgen'] },
      expect: { status: 200, body: { tags: ['Nightly', 'Röntgen'] } },
      events: ['workflows:workflow:tagged'],
    },
    {
      name: 'a tag has a length, and a workflow so many of them',
      request: () => `PUT /api/v1/workflows/${id}/tags`,
      body: { tags: ['x'.repeat(41)] },
      expect: { status: 400, code: 'invalid_body', says: ['tags'] },
    },
    {
      name: 'nor may it hold control characters',
      request: () => `PUT /api/v1/workflows/${id}/tags`,
      body: { tags: ['a\u0000b'] },
      expect: { status: 400, code: 'invalid_body' },
    },
    {
      name: 'the list is narrowed by a tag',
      request: 'GET /api/v1/workflows?tag=Nightly',
      expect: { status: 200, body: { items: [{ tags: ['Nightly', 'Röntgen'] }], next: null } },
    },
    {
      name: 'tags are counted',
      request: 'GET /api/v1/tags?limit=1',
      expect: { status: 200, body: { items: [{ tag: 'Nightly', workflows: 1 }], next: 'Nightly' } },
    },
    {
      name: 'and continued',
      request: 'GET /api/v1/tags?after=Nightly',
      expect: { status: 200, body: { items: [{ tag: 'Röntgen', workflows: 1 }], next: null } },
    },
    { name: 'those of another org are its own', as: 'stranger', request: 'GET /api/v1/tags', expect: { status: 200, body: { items: [] } } },
    {
      name: 'nor can it tag what is not its own',
      as: 'stranger',
      request: () => `PUT /api/v1/workflows/${id}/tags`,
      body: { tags: ['mine'] },
      expect: { status: 404, code: 'not_found' },
    },
    {
      name: 'a workflow comes with its tags',
      request: 'POST /api/v1/workflows',
      body: { name: 'Tagged', tags: ['Nightly'], ...one },
      expect: { status: 201, body: { tags: ['Nightly'] } },
      events: ['workflows:workflow:published'],
      keep: keep,
    },
    {
      name: 'a copy keeps the tags',
      request: () => `POST /api/v1/workflows/${id}/copy`,
      body: {},
      expect: { status: 201, body: { tags: ['Nightly'] } },
      events: ['workflows:workflow:published'],
    },
    {
      name: 'the catalogue shows every node type with its form',
      as: 'user',
      request: 'GET /api/v1/node-types?limit=200',
      expect: { status: 200, body: { next: null } },
    },
  ],
);
