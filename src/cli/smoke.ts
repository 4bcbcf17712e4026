/** `studio smoke`: whether a Studio works, seen from outside: it answers, logs in, runs a workflow, and a worker does a job of it.
 *  Leaves nothing behind but the ended instance. Exit status 0 when all of it works. */
import { createToken } from '../identity/operator.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { hasUsers } from '../store/users.ts';
import { call, fieldsOf, localUrl, type Target } from './api-door.ts';
import { print, readArguments, readConfig, type Command } from './command.ts';
import { withWorkspace } from './workspace.ts';

/** Longest time of the workflow: a machine under load starts a job in seconds, not in minutes. */
const RUN_MS = 120_000;
const LOGIN = '/api/v1/auth/login';

export const smoke: Command = async (args) => {
  const { values } = readArguments(args, {
    url: { type: 'string' },
    token: { type: 'string' },
    email: { type: 'string' },
    'unclaimed-ok': { type: 'boolean' },
  });
  const loaded = await readConfig(values.config);
  const target: Target = values.url === undefined ? { url: localUrl(loaded.config), isLocal: true } : { url: values.url.replace(/\/+$/, ''), isLocal: false };
  const step = async (name: string, work: () => Promise<string>): Promise<void> => {
    const began = clock.monotonic();
    try {
      print(`ok    ${name}: ${await work()} (${Math.round(clock.monotonic() - began)} ms)`);
    } catch (error) {
      print(`FAIL  ${name}: ${messageOf(error)}`);
      throw new Error(`smoke: ${name} at ${target.url} does not work`, { cause: error });
    }
  };
  await step('health', () => seeHealth(target));
  await step('page', () => seePage(target));
  const given = values.token ?? process.env['STUDIO_TOKEN'];
  if (values.url === undefined && given === undefined && values.email === undefined) {
    const made = await withWorkspace(loaded, async ({ open, log }) =>
      (await hasUsers(open().engine))
        ? createToken({ database: open(), clock, log }, { name: 'smoke test', scopes: ['*'], expiresAt: inMinutes(15) })
        : undefined,
    );
    if (made === undefined && values['unclaimed-ok'] === true) {
      print('ok    nobody has claimed it yet: no workflow was run');
      return 0;
    }
    if (made === undefined) throw new Error('nobody has claimed this Studio yet: open the link that `studio claim` shows, then try again.');
    target.token = made.key;
    await step('login', () => seeLogin(target, undefined));
    try {
      await step('workflow', () => seeWorkflow(target));
    } finally {
      await call(target, 'DELETE', `/api/v1/api-keys/${made.id}`);
    }
    return 0;
  }
  if (given !== undefined) target.token = given;
  await step('login', () => seeLogin(target, values.email));
  await step('workflow', () => seeWorkflow(target));
  return 0;
};

function inMinutes(count: number): string {
  return new Date(clock.now() + count * 60_000).toISOString();
}

async function seeHealth(target: Target): Promise<string> {
  const reply = await call(target, 'GET', '/health');
  if (reply.status !== 200) throw new Error(`GET /health answered ${reply.status}: ${reply.text.slice(0, 200)}`);
  return String(fieldsOf(reply)['status']);
}

async function seePage(target: Target): Promise<string> {
  const reply = await call(target, 'GET', '/');
  if (reply.status !== 200 || !reply.text.includes('<script')) throw new Error(`GET / answered ${reply.status} and is not the page of Studio`);
  const script = /<script type="module" src="([^"]+)"/.exec(reply.text)?.[1] ?? '';
  const loaded = await call(target, 'GET', `/${script.replace(/^(\.?\/)+/, '')}`);
  if (loaded.status !== 200) throw new Error(`its script ${script} answered ${loaded.status}`);
  return `${loaded.text.length} characters of its first script`;
}

/** With an e-mail address and STUDIO_SMOKE_PASSWORD by a real login; else that a wrong password is refused, and what the key says of its owner. */
async function seeLogin(target: Target, email: string | undefined): Promise<string> {
  if (email !== undefined) {
    const password = process.env['STUDIO_SMOKE_PASSWORD'] ?? '';
    const reply = await call(target, 'POST', LOGIN, { email, password });
    if (reply.status !== 200)
      throw new Error(`logging in as ${email} answered ${reply.status}: ${reply.text.slice(0, 200)}. The password is read from STUDIO_SMOKE_PASSWORD.`);
    target.token = String(fieldsOf(reply)['accessToken']);
  }
  if (target.token === undefined) throw new Error('no way in was given: --token (or STUDIO_TOKEN), or --email with STUDIO_SMOKE_PASSWORD.');
  const wrong = await call(target, 'POST', LOGIN, { email: 'smoke@localhost.invalid', password: 'not a password of anybody' });
  if (![401, 429].includes(wrong.status)) throw new Error(`a wrong password was answered with ${wrong.status}, not 401`);
  const me = await call(target, 'GET', '/api/v1/users/me');
  if (me.status !== 200) throw new Error(`GET users/me answered ${me.status}: ${me.text.slice(0, 200)}`);
  return String(fieldsOf(me)['email'] ?? 'known');
}

const GRAPH = {
  name: 'Smoke test',
  nodes: [
    { key: 'add', type: 'set', params: { values: { sum: '{{ input.a + input.b }}' } } },
    { key: 'say', type: 'command', params: { command: ['echo', 'sum {{ steps.add.output.sum }}'] } },
  ],
  edges: [{ from: 'add', to: 'say' }],
};

async function seeWorkflow(target: Target): Promise<string> {
  const made = await expect(target, 201, 'POST', '/api/v1/workflows', GRAPH);
  const workflow = `/api/v1/workflows/${String(made['id'])}`;
  try {
    const started = await expect(target, 201, 'POST', `${workflow}/instances`, { input: { a: 19, b: 23 } });
    const instance = await untilEnded(target, `/api/v1/instances/${String(started['id'])}`);
    if (instance['status'] !== 'completed')
      throw new Error(
        `the instance ${String(started['id'])} is ${String(instance['status'])}: ${JSON.stringify(instance['error'] ?? instance['waiting'] ?? null)}`,
      );
    const { items } = (await expect(target, 200, 'GET', `/api/v1/instances/${String(started['id'])}/steps`)) as { items: Record<string, unknown>[] };
    const step = items.find(({ key }) => key === 'say');
    const output = (step?.['output'] ?? {}) as { readonly stdout?: string };
    if (output.stdout?.trim() !== 'sum 42') throw new Error(`the job said ${JSON.stringify(output.stdout ?? null)}, not "sum 42"`);
    const job = await expect(target, 200, 'GET', `/api/v1/jobs/${String(step?.['jobId'])}`);
    if (job['status'] !== 'completed') throw new Error(`the job ${String(step?.['jobId'])} is ${String(job['status'])}`);
    return `completed, its job by worker ${String(step?.['workerId'] ?? 'of this Studio')}`;
  } finally {
    await call(target, 'DELETE', `${workflow}?cancel=true`);
  }
}

async function untilEnded(target: Target, path: string): Promise<Record<string, unknown>> {
  const deadline = clock.monotonic() + RUN_MS;
  for (;;) {
    const instance = await expect(target, 200, 'GET', path);
    if (['completed', 'failed', 'cancelled'].includes(String(instance['status']))) return instance;
    if (clock.monotonic() > deadline)
      throw new Error(`it is still ${String(instance['status'])} after ${RUN_MS / 1_000} s: ${JSON.stringify(instance['waiting'] ?? null)}`);
    await clock.sleep(100); // Serial: this is a watch.
  }
}

async function expect(target: Target, status: number, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const reply = await call(target, method, path, body);
  if (reply.status !== status) throw new Error(`${method} ${path} answered ${reply.status}, not ${status}: ${reply.text.slice(0, 300)}`);
  return fieldsOf(reply);
}
