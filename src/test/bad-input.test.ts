import { equal, match } from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { startApp, type TestApp } from './app.ts';
import { testScenarios } from './scenarios.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
});
after(() => app.close());

const node = (key: string, type = 'noop', params = {}): object => ({ key, type, params });
const graph = (nodes: object[], edges: [string, string][]): object => ({ name: 'bad', nodes, edges: edges.map(([from, to]) => ({ from, to })) });
const create = 'POST /api/v1/workflows';
const deep = `{"name":"deep","nodes":[],"edges":[],"inputSchema":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`;
const json = { 'content-type': 'application/json' };
const unknown = '0'.repeat(26);

testScenarios(
  () => app,
  [
    {
      name: 'a graph with a cycle is refused, naming its nodes',
      request: create,
      body: graph(
        [node('a'), node('b')],
        [
          ['a', 'b'],
          ['b', 'a'],
        ],
      ),
      expect: { status: 422, code: 'invalid_graph' },
    },
    { name: 'an unknown node type is refused', request: create, body: graph([node('a', 'no.such.type')], []), expect: { status: 422, code: 'invalid_graph' } },
    { name: 'an edge to nowhere is refused', request: create, body: graph([node('a')], [['a', 'ghost']]), expect: { status: 422, code: 'invalid_graph' } },
    {
      name: 'an edge from a port that is not there is refused',
      request: create,
      body: graph([node('a'), node('b')], [['a.nowhere', 'b']]),
      expect: { status: 422, code: 'invalid_graph' },
    },
    { name: 'two nodes of one key are refused', request: create, body: graph([node('a'), node('a')], []), expect: { status: 422, code: 'invalid_graph' } },
    {
      name: 'an expression that does not parse is refused',
      request: create,
      body: graph([node('a', 'set', { values: { x: '{{ input. }}' } })], []),
      expect: { status: 422, code: 'invalid_graph' },
    },
    {
      name: 'params of the wrong type are refused',
      request: create,
      body: graph([node('a', 'wait.timer', { durationMs: 'soon' })], []),
      expect: { status: 422, code: 'invalid_graph' },
    },
    {
      name: 'a key in upper case is refused, naming the rule',
      request: create,
      body: graph([node('Upper')], []),
      expect: { status: 400, code: 'invalid_body', says: ['key'] },
    },
    {
      name: 'a body that is too deep is refused',
      request: create,
      body: deep,
      headers: json,
      expect: { status: 400, code: 'invalid_body', says: ['deep|depth|nest'] },
    },
    {
      name: 'a body of 11 MiB is refused with the limit',
      request: create,
      body: `{"name":"${'x'.repeat(11 * 1024 * 1024)}"}`,
      headers: json,
      expect: { status: 413, code: 'too_large', says: ['10485760'] },
    },
    { name: 'a body that is no JSON is refused', request: create, body: '{"name":', headers: json, expect: { status: 400, code: 'invalid_body' } },
    {
      name: 'binary where JSON is meant is refused',
      request: create,
      body: new Uint8Array([0xff, 0xfe, 0x00]),
      headers: json,
      expect: { status: 400, code: 'invalid_body', says: ['UTF-8'] },
    },
    {
      name: 'an unknown key is refused by name',
      request: create,
      body: { ...graph([], []), colour: 'red' },
      expect: { status: 400, code: 'invalid_body', says: ['colour'] },
    },
    { name: 'an unknown workflow is not found', request: `GET /api/v1/workflows/wf_${unknown}`, expect: { status: 404, code: 'not_found' } },
    { name: 'an unknown instance can not be cancelled', request: `POST /api/v1/instances/inst_${unknown}/cancel`, expect: { status: 404, code: 'not_found' } },
    { name: 'an id that is no id is not found', request: 'GET /api/v1/jobs/%00', expect: { status: 400, code: 'invalid_query' } },
    {
      name: 'a page of 1,000 is refused with the limit',
      request: 'GET /api/v1/instances?limit=1000',
      expect: { status: 400, code: 'invalid_query', says: ['limit', '200'] },
    },
    {
      name: 'a status that does not exist is refused',
      request: 'GET /api/v1/instances?status=sleeping',
      expect: { status: 400, code: 'invalid_query', says: ['sleeping'] },
    },
    {
      name: 'a cursor that is none asks for a new snapshot',
      request: 'GET /api/v1/events?room=system&after=nonsense',
      expect: { status: 200, body: { items: [], reset: true } },
    },
    {
      name: 'a file name that climbs is refused',
      request: 'PUT /api/v1/files/..%2f..%2fetc%2fpasswd',
      body: 'x',
      expect: { status: 400, code: 'invalid_query' },
    },
    { name: 'a file name with a control character is refused', request: 'PUT /api/v1/files/a%07b', body: 'x', expect: { status: 400, code: 'invalid_query' } },
    {
      name: 'a file name of 600 bytes is refused with the limit',
      request: `PUT /api/v1/files/${'a'.repeat(600)}`,
      body: 'x',
      expect: { status: 400, code: 'invalid_query', says: ['512'] },
    },
    { name: 'a job without a command is refused', request: 'POST /api/v1/jobs', body: {}, expect: { status: 400, code: 'invalid_body' } },
    {
      name: 'a job with a command and a script is refused',
      request: 'POST /api/v1/jobs',
      body: { command: ['true'], script: 'true' },
      expect: { status: 400, code: 'invalid_body' },
    },
    {
      name: 'a job for a queue that is not there is refused',
      request: 'POST /api/v1/jobs',
      body: { command: ['true'], queue: 'nowhere' },
      expect: { status: 422, code: 'unsatisfiable', says: ['nowhere'] },
    },
    { name: 'an unknown call is a JSON 404', as: 'anonymous', request: 'GET /api/v1/nothing', expect: { status: 404, code: 'not_found' } },
  ],
);

test('a body that stops half-way leaves nothing behind, and Studio answers the next caller', async () => {
  const { hostname, port } = new URL(app.url);
  const token = app.people.superAdmin.client.token ?? '';
  const head = `POST /api/v1/workflows HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"name":"half`;
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(head, () => socket.destroy()));
    socket.once('close', () => resolve());
  });
  const list = await app.people.superAdmin.client.expect(200, 'GET', '/api/v1/workflows?search=half');
  equal((list['items'] as unknown[]).length, 0);
});

test('bytes that are no HTTP are answered with 400 and the connection ends', async () => {
  const { hostname, port } = new URL(app.url);
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write('\u0016\u0003\u0001garbage\r\n\r\n'));
    socket.on('data', (bytes) => (text += bytes.toString('latin1')));
    socket.once('close', () => resolve(text));
  });
  match(answer, /^HTTP\/1\.1 400 /);
});
