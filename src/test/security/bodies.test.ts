import { deepEqual } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asObject } from '../api-client.ts';
import { startApp, type TestApp } from '../app.ts';
import { validSample } from '../schema-arbitrary.ts';
import { pathOf, queryOf, routes } from './routes.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
});
after(() => app.close());

/** Names that a careless server would copy into a row. */
const SMUGGLED = [
  'is_admin',
  'isAdmin',
  'isSuperAdmin',
  'is_super_admin',
  'role',
  'org_id',
  'orgId',
  'id',
  'owner_id',
  'ownerId',
  'user_id',
  'userId',
  'created_at',
  'createdAt',
  'password_hash',
  'sso_subject',
  'status',
  'version',
  'scopes',
  'principal',
  'publishedBy',
  'disabled_at',
];

const withJson = routes.filter((route) => route.changes && route.spec.bodyKind !== 'bytes');

test('no write takes a key beside its own', async () => {
  const taken: string[] = [];
  // Serial: the routes share one app.
  // The gateway takes what clients of OpenAI send, and hands engines what it does not know itself.
  for (const route of withJson.filter(({ spec }) => spec.tag !== 'gateway')) {
    const sample = route.spec.body === undefined ? {} : asObject(validSample(route.spec.body));
    for (const name of SMUGGLED.filter((key) => route.spec.body === undefined || !isOwnKey(route.spec.body, sample, key))) {
      const reply = await app.people.superAdmin.client.call(route.method, `${pathOf(route)}${queryOf(route)}`, { body: { ...sample, [name]: 'smuggled' } });
      const { code, message } = asObject(asObject(reply.body)['error']);
      if (reply.status !== 400 || code !== 'invalid_body' || !String(message).includes(name))
        taken.push(`${route.key} with ${name}: ${reply.status} ${reply.text.slice(0, 200)}`);
    }
  }
  deepEqual(taken, []);
});

test('no body can reach the prototype of anything', async () => {
  const reached: string[] = [];
  for (const route of withJson) {
    for (const body of ['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '{"input":{"__proto__":{"polluted":1}}}']) {
      const reply = await app.people.superAdmin.client.call(route.method, pathOf(route), { body, headers: { 'content-type': 'application/json' } });
      if (reply.status >= 500 || 'polluted' in {}) reached.push(`${route.key} ${body}: ${reply.status}`);
    }
  }
  deepEqual(reached, []);
});

test('no write takes a body that is no JSON, is cut, too deep or of another type', async () => {
  const taken: string[] = [];
  const bodies: readonly [string, string][] = [
    ['application/json', '{"a":'],
    ['application/json', 'null'],
    ['application/json', '"text"'],
    ['application/json', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['application/x-www-form-urlencoded', 'name=a'],
    ['text/plain', '{"name":"a"}'],
    ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n--x--'],
  ];
  for (const route of withJson.filter((candidate) => candidate.key !== 'POST /api/v1/auth/logout')) {
    for (const [type, body] of bodies) {
      const reply = await app.people.superAdmin.client.call(route.method, pathOf(route), { body, headers: { 'content-type': type } });
      if (reply.status < 400 || reply.status >= 500) taken.push(`${route.key} as ${type} ${body.slice(0, 20)}: ${reply.status}`);
    }
  }
  deepEqual(taken, []);
});

/** Whether the schema itself takes `key`. */
function isOwnKey(
  schema: { safeParse(value: unknown): { success: boolean; error?: { issues: readonly { code: string; keys?: string[] }[] } } },
  sample: object,
  key: string,
): boolean {
  const parsed = schema.safeParse({ ...sample, [key]: 'smuggled' });
  return parsed.success || parsed.error?.issues.some((issue) => issue.code === 'unrecognized_keys' && issue.keys?.includes(key)) !== true;
}
