import { deepEqual, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { send, type ApiReply } from '../api-client.ts';
import { startApp, type TestApp } from '../app.ts';
import { validSample } from '../schema-arbitrary.ts';
import { guarded, pathOf, type TestedRoute } from './routes.ts';
import { makeThings, MARK, realParams, type Things } from './things.ts';

let app: TestApp;
let things: Things;
before(async () => {
  app = await startApp();
  things = await makeThings(app.people.superAdmin);
});
after(() => app.close());

/** Of the machine or the product: the same for every org. */
const MACHINE = [
  'queues',
  'workers',
  'gpus',
  'services',
  'idle',
  'costs',
  'infrastructure',
  'run-data',
  'system',
  'examples',
  'models',
  'org-purges',
  'backups',
  'logs',
];
/** Orgs as wholes are a super administrator's, whichever they are; one's own is `orgs/current`. */
const isWholeOrg = (route: TestedRoute): boolean => /^\/api\/v1\/orgs(?!\/current)/.test(route.template);
const isOfMachine = (route: TestedRoute): boolean => MACHINE.includes(route.template.split('/')[3] ?? '') || isWholeOrg(route);
/** Bytes that a job made: their ids are known only once a job has run; see jobs' own tests. */
const UNMADE = ['GET /api/v1/artifacts/{id}'];
/** A stranger's own name for a thing makes their own: nothing of the first org is named by it. */
const MAKES_OWN = ['PUT /api/v1/files/{path+}', 'PUT /api/v1/secrets/{name}'];

async function callAsStranger(route: TestedRoute, params: Readonly<Record<string, string>>): Promise<ApiReply> {
  const body = route.changes && route.spec.body !== undefined ? validSample(route.spec.body) : undefined;
  const headers = {
    authorization: `Bearer ${app.people.stranger.client.token}`,
    'if-match': '*',
    'tus-resumable': '1.0.0',
    'upload-offset': '0',
    'x-request-id': 'request-0000',
  };
  return send(app.url, route.method, pathOf(route, params), {
    headers: route.spec.bodyKind === 'bytes' ? { ...headers, 'content-type': 'application/offset+octet-stream' } : headers,
    body,
  });
}

/** What a caller can tell from an answer, with the id they sent taken out. */
function traits(reply: ApiReply, params: Readonly<Record<string, string>>): unknown {
  const text = Object.values(params).reduce((left, value) => left.replaceAll(value, '·'), reply.text);
  return { status: reply.status, text, type: reply.headers['content-type'], etag: reply.headers['etag'] };
}

test('every route that names a thing of an org knows how to name a real one', () => {
  const unknown = guarded.filter(
    (route) => route.params.length > 0 && !isOfMachine(route) && !UNMADE.includes(route.key) && realParams(route, things) === undefined,
  );
  deepEqual(
    unknown.map((route) => route.key),
    [],
  );
});

test("another org's ids answer exactly as ids that are nobody's", async () => {
  const differences: unknown[] = [];
  // Serial: the routes share one app.
  for (const route of guarded.filter((candidate) => candidate.params.length > 0 && !isOfMachine(candidate) && !MAKES_OWN.includes(candidate.key))) {
    const real = realParams(route, things);
    if (real === undefined) continue;
    const nobodys = Object.fromEntries(Object.entries(real).map(([name, value]) => [name, name === 'n' ? value : unknownLike(value)]));
    const theirs = traits(await callAsStranger(route, real), real);
    const none = traits(await callAsStranger(route, nobodys), nobodys);
    if (JSON.stringify(theirs) !== JSON.stringify(none) || JSON.stringify(theirs).includes(MARK)) differences.push({ route: route.key, theirs, none });
  }
  deepEqual(differences, []);
});

/** Of the same form, and nobody's. */
function unknownLike(value: string): string {
  return /^[a-z]+_[0-9a-z]{26}$/.test(value) ? `${value.slice(0, -26)}${'0'.repeat(26)}` : `${value.slice(0, -1)}x`;
}

test("another org's ids in queries and bodies are nobody's", async () => {
  const { client } = app.people.stranger;
  for (const path of [
    `/api/v1/instances?workflowId=${things.workflow}`,
    `/api/v1/jobs?instanceId=${things.instance}`,
    `/api/v1/instances?label=mark:${MARK}`,
    '/api/v1/files?prefix=home',
  ]) {
    deepEqual((await client.expect(200, 'GET', path))['items'], [], path);
  }
  for (const room of [
    `instance:${things.instance}`,
    `workflow:${things.workflow}`,
    `job:${things.job}`,
    `org:${app.people.superAdmin.orgId}`,
    `user:${app.people.superAdmin.userId}`,
  ]) {
    const reply = await client.call('GET', `/api/v1/events?room=${room}`);
    ok([403, 404].includes(reply.status), `${room} answered ${reply.status}`);
  }
});

test("no list shows another org's things", async () => {
  const leaks: string[] = [];
  for (const route of guarded.filter((candidate) => candidate.method === 'GET' && candidate.params.length === 0 && !isOfMachine(candidate))) {
    const reply = await app.people.stranger.client.call('GET', `${route.template}${route.key === 'GET /api/v1/events' ? '?room=system' : ''}`);
    const ids = [things.workflow, things.instance, things.job, things.upload, things.apiKey, things.session, things.member, app.people.superAdmin.orgId, MARK];
    if (ids.some((id) => reply.text.includes(id))) leaks.push(`${route.key}: ${reply.text.slice(0, 300)}`);
  }
  deepEqual(leaks, []);
});

test('after all that, everything of the first org stands as it was', async () => {
  const { client } = app.people.superAdmin;
  const read = async (path: string): Promise<unknown> => (await client.call('GET', path)).body;
  deepEqual(
    {
      workflow: ((await read(`/api/v1/workflows/${things.workflow}`)) as { archivedAt: unknown; version: unknown }).version,
      status: ((await read(`/api/v1/instances/${things.instance}`)) as { status: unknown }).status,
      job: ((await read(`/api/v1/jobs/${things.job}`)) as { status: unknown }).status,
      file: await read('/api/v1/files/home/only.txt'),
    },
    { workflow: 1, status: 'running', job: 'queued', file: MARK },
  );
});

test('the second wall: every table with an org is under forced row-level security, and the API role sees one org', async () => {
  const { rows: tables } = await app.admin.query<{ name: string; isForced: boolean; org: string }>(
    `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as "isForced", a.attname as org
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
     where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition`,
  );
  ok(tables.length > 10);
  deepEqual(
    tables.filter((table) => !table.isForced).map((table) => table.name),
    [],
  );
  const seen: string[] = [];
  for (const { name } of tables) {
    const count = await app.database
      .org(app.people.stranger.orgId)
      .query<{ count: number }>(`select count(*) from ${name} where org_id = $1`, [app.people.superAdmin.orgId])
      .catch((error: unknown) => (String(error).includes('permission denied') ? { rows: [{ count: 0 }] } : Promise.reject(error)));
    if (count.rows[0]?.count !== 0) seen.push(name);
  }
  deepEqual(seen, []);
});
