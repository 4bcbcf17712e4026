/** One real thing of every kind that a route can name, made by an org over the API: what another org must not be able to see. */
import { asObject, itemsOf, type ApiClient } from '../api-client.ts';
import type { Person } from '../people.ts';
import type { TestedRoute } from './routes.ts';

/** Ids by the noun of their route. */
export interface Things {
  readonly workflow: string;
  readonly trigger: string;
  readonly instance: string;
  readonly step: string;
  readonly job: string;
  readonly group: string;
  readonly file: string;
  readonly upload: string;
  readonly secret: string;
  readonly credential: string;
  readonly apiKey: string;
  readonly session: string;
  readonly member: string;
  readonly invite: string;
  readonly notification: string;
  readonly delivery: string;
  /** Shared in its org. */
  readonly view: string;
  /** By name: so the gateway knows it. */
  readonly model: string;
}

/** Text that stands in every thing made: it must never come back to a stranger. */
export const MARK = 'only-home-knows-this';

const definition = {
  nodes: [
    { key: 'first', type: 'set', params: { values: { mark: MARK } } },
    { key: 'work', type: 'command', params: { command: ['true'] } },
  ],
  edges: [{ from: 'first', to: 'work' }],
  triggers: [{ key: 'hook', type: 'webhook', params: { auth: 'none' } }],
};

/** @param owner a super administrator: only they may run commands */
export async function makeThings(owner: Person): Promise<Things> {
  const { client } = owner;
  // No job starts: a queued one stays there to be found.
  await client.expect(200, 'PATCH', '/api/v1/queues/studio', { paused: true });
  const workflow = idOf(await client.expect(201, 'POST', '/api/v1/workflows', { name: MARK, ...definition }));
  const instance = idOf(await client.expect(201, 'POST', `/api/v1/workflows/${workflow}/instances`, { input: { mark: MARK }, labels: { mark: MARK } }));
  const submitted = await client.expect(201, 'POST', '/api/v1/jobs', { command: ['true'], array: 1, labels: { mark: MARK } });
  await client.expect(200, 'PUT', '/api/v1/secrets/HOME_ONLY', { value: MARK });
  await client.expect(202, 'POST', '/api/v1/notifications/test', { channel: 'in_app' });
  // Refused by the guard of outgoing requests: it stays there, given up.
  const [delivery] = asStrings(
    (await client.expect(202, 'POST', '/api/v1/notifications/test', { channel: 'webhook', url: `http://127.0.0.1/${MARK}` }))['deliveries'],
  );
  const key = idOf(await client.expect(201, 'POST', '/api/v1/api-keys', { name: MARK, scopes: ['files:read'] }));
  await client.call('PUT', '/api/v1/files/home/only.txt', { body: MARK, headers: { 'content-type': 'text/plain' } });
  return {
    workflow,
    trigger: 'hook',
    instance,
    step: 'first',
    job: idOf(asObject(submitted['job'])),
    group: String(submitted['groupId']),
    file: 'home/only.txt',
    upload: await makeUpload(client),
    secret: 'HOME_ONLY',
    credential: await makeCredential(client),
    apiKey: key,
    session: String(itemsOf(await client.expect(200, 'GET', '/api/v1/auth/sessions'))[0]?.['id']),
    member: owner.userId,
    invite: await makeInvite(client),
    notification: String(itemsOf(await client.expect(200, 'GET', '/api/v1/notifications'))[0]?.['id']),
    delivery: delivery ?? '',
    view: idOf(await client.expect(201, 'POST', '/api/v1/views', { page: 'jobs', name: MARK, filter: MARK, isShared: true })),
    model: await makeModel(client),
  };
}

/** Of the org alone, at a provider that nobody asks. */
async function makeModel(client: ApiClient): Promise<string> {
  const settings = { kind: 'openai', baseUrl: 'http://127.0.0.1:9/v1', model: MARK };
  const made = await client.expect(201, 'POST', '/api/v1/models', { engine: 'remote', owner: 'org', name: 'home-only', settings });
  return String(made['name']);
}

async function makeCredential(client: ApiClient): Promise<string> {
  const body = { name: MARK, type: 'http_bearer', values: { token: MARK }, hosts: ['home.example.com'] };
  return idOf(await client.expect(201, 'POST', '/api/v1/credentials', body));
}

async function makeInvite(client: ApiClient): Promise<string> {
  const made = await client.expect(201, 'POST', '/api/v1/orgs/current/invites', { email: `${MARK}@example.com` });
  return idOf(asObject(made['invite']));
}

async function makeUpload(client: ApiClient): Promise<string> {
  const metadata = `path ${Buffer.from('home/upload.bin').toString('base64')}`;
  const reply = await client.call('POST', '/api/v1/uploads', { headers: { 'tus-resumable': '1.0.0', 'upload-length': '10', 'upload-metadata': metadata } });
  const id = reply.headers['location']?.split('/').at(-1);
  if (reply.status !== 201 || id === undefined) throw new Error(`an upload could not be begun: ${reply.status} ${reply.text}`);
  return id;
}

/** Parameters of `route` that name real things. Undefined: it names no thing of an org. */
export function realParams(route: TestedRoute, things: Things): Record<string, string> | undefined {
  if (route.template.startsWith('/api/v1/notifications/deliveries/')) return { id: things.delivery };
  if (route.template.startsWith('/v1/models/')) return { id: things.model };
  const noun = /^\/api\/v1\/(?:auth\/|orgs\/current\/)?([a-z-]+)/.exec(route.template)?.[1] ?? '';
  const byNoun: Readonly<Record<string, Record<string, string>>> = {
    workflows: { id: things.workflow, n: '1', key: things.trigger },
    instances: { id: things.instance, path: things.step },
    jobs: { id: things.job },
    'job-groups': { id: things.group },
    files: { path: things.file },
    uploads: { id: things.upload },
    secrets: { name: things.secret },
    credentials: { id: things.credential },
    'api-keys': { id: things.apiKey },
    sessions: { id: things.session },
    members: { userId: things.member },
    invites: { id: things.invite },
    notifications: { id: things.notification },
    views: { id: things.view },
  };
  return byNoun[noun];
}

function asStrings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function idOf(thing: Record<string, unknown>): string {
  if (typeof thing['id'] !== 'string') throw new Error(`no id in ${JSON.stringify(thing)}`);
  return thing['id'];
}
