import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ServerFrame } from '../../contract/events.ts';
import type { Service } from '../../contract/services.ts';
import { itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { connectLive } from '../../test/live.ts';

const program = fileURLToPath(new URL('../../test/page-service.ts', import.meta.url));
const command = [process.execPath, program];
const health = { type: 'http', path: '/health', intervalMs: 250 };

let app: TestApp;
let client: ApiClient;
before(async () => {
  app = await startApp({ env: { MAX_CONCURRENT_STARTS: '2' } });
  client = app.people.superAdmin.client;
});
after(() => app.close());

async function read(name: string): Promise<Service> {
  return (await client.expect(200, 'GET', `/api/v1/services/${name}`))['service'] as Service;
}

/** Looks again until it is so; the test's own time limit ends it. */
async function until(name: string, isSo: (service: Service) => boolean): Promise<Service> {
  for (;;) {
    const service = await read(name);
    if (isSo(service)) return service;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

test('a service is defined, starts, is asked for its health, writes its log with secrets masked, and ends with all its processes', async () => {
  await client.expect(200, 'PUT', '/api/v1/secrets/TOKEN', { value: 'very-secret-token' });
  const made = await client.expect(201, 'POST', '/api/v1/services', { name: 'paged', command, env: { TOKEN: '{{ secrets.TOKEN }}' }, health });
  equal(made['source'], 'api');
  const up = await until('paged', ({ state }) => state === 'running');
  ok(up.pid !== null && up.port !== null && up.memoryBytes !== null && up.memoryBytes > 0);
  const log = await client.call('GET', '/api/v1/services/paged/log');
  match(log.text, /hello from paged on \d+, token \[redacted\]/);
  equal(log.text.includes('very-secret-token'), false);
  const times = await client.expect(200, 'GET', '/api/v1/services/paged/log/times?at=2020-01-01T00:00:00Z');
  deepEqual([(times['times'] as { readonly byte: number }[])[0]?.byte, times['byteAt'], Number(times['bytes']) >= Buffer.byteLength(log.text)], [0, 0, true]);
  const part = await client.call('GET', '/api/v1/services/paged/log', { headers: { range: 'bytes=0-7' } });
  deepEqual([part.status, part.text], [206, '[studio]']);
  equal(existsSync(join(app.workspace, 'run/services/paged.json')), true);
  const stopped = await client.expect(200, 'POST', '/api/v1/services/paged/stop');
  deepEqual([stopped['state'], stopped['pid']], ['stopped', null]);
  equal(existsSync(`/proc/${up.pid}`), false);
  equal(existsSync(join(app.workspace, 'run/services/paged.json')), false);
});

test('its log comes over the socket as it is written, and is searched', async () => {
  const gate = join(app.workspace, 'gate');
  const script = `echo "first \u2713"; while [ ! -e "${gate}" ]; do sleep 0.02; done; echo "then \x1b[31mred\x1b[0m"; sleep 1000`;
  await client.expect(201, 'POST', '/api/v1/services', { name: 'studio-like', command: ['/bin/sh', '-c', script] });
  const port = Number(new URL(app.url).port);
  const socket = await connectLive(port, { token: client.token ?? '' });
  const room = 'service_log:studio-like';
  deepEqual((await socket.subscribe([room])).denied, []);
  const isLog = (frame: ServerFrame): frame is Extract<ServerFrame, { type: 'log' }> => frame.type === 'log' && frame.room === room;
  await socket.frame((frame): frame is Extract<ServerFrame, { type: 'log' }> => isLog(frame) && frame.text.includes('first \u2713\n'));
  writeFileSync(gate, '');
  await socket.frame((frame): frame is Extract<ServerFrame, { type: 'log' }> => isLog(frame) && frame.text.includes('then \x1b[31mred'));
  const came = socket.frames.filter(isLog);
  ok((await client.call('GET', '/api/v1/services/studio-like/log')).text.startsWith(came.map(({ text }) => text).join('')));
  await socket.close();
  const { matches } = await client.expect(200, 'GET', '/api/v1/services/studio-like/log/search?text=FIRST');
  deepEqual(
    (matches as { text: string }[]).map(({ text }) => text),
    ['first \u2713'],
  );
  await client.expect(404, 'GET', '/api/v1/services/nothing/log/search?text=x');
  // What tells of the machine is for those who look after it.
  const user = await connectLive(port, { token: app.people.user.client.token ?? '' });
  deepEqual((await user.subscribe([room, 'machine_log:studio-like'])).denied, [room, 'machine_log:studio-like']);
  await user.close();
  await client.expect(200, 'POST', '/api/v1/services/studio-like/stop');
});

test('what ends by itself is started again, and its exit is kept with its last lines, also in the database', async () => {
  await client.expect(200, 'POST', '/api/v1/services/paged/start');
  const { port, pid } = await until('paged', ({ state }) => state === 'running');
  await fetch(`http://127.0.0.1:${port}/die`).catch(() => undefined);
  const back = await until('paged', (service) => service.state === 'running' && service.pid !== pid);
  deepEqual([back.exits[0]?.code, back.exits[0]?.lastLines.some((line) => line.startsWith('hello from paged'))], [3, true]);
  const { rows } = await app.admin.query(`select code from service_exits where service = 'paged' order by id desc limit 1`);
  deepEqual(rows, [{ code: 3 }]);
});

test('a program that is not there is told, with how it goes on', async () => {
  await client.expect(201, 'POST', '/api/v1/services', { name: 'absent', command: ['/nowhere/at-all'], restart: { policy: 'always', maxRetries: 1 } });
  const failed = await until('absent', ({ state }) => state === 'failed');
  match(failed.reason ?? '', /\/nowhere\/at-all could not be started.*given up after 1 retry/);
  await client.expect(204, 'DELETE', '/api/v1/services/absent');
  await client.expect(404, 'GET', '/api/v1/services/absent');
});

test('one that never answers is stopped after its attempts, and says so with its last lines', async () => {
  await client.expect(201, 'POST', '/api/v1/services', {
    name: 'mute',
    command: ['sh', '-c', 'echo thinking; sleep 60'],
    health: { type: 'http', path: '/', timeoutMs: 60_000, maxAttempts: 2 },
    restart: { policy: 'never' },
  });
  const failed = await until('mute', ({ state }) => state === 'failed');
  match(failed.reason ?? '', /did not answer GET \/ on port \d+ in 2 attempts: nothing listens there yet\. Last lines: thinking/);
  deepEqual([failed.exits[0]?.signal, failed.exits[0]?.lastLines], ['SIGTERM', ['thinking']], 'how it ended is kept too');
  await client.expect(204, 'DELETE', '/api/v1/services/mute');
});

test('a service waits for those it needs, which are started for it, and says so', async () => {
  await client.expect(201, 'POST', '/api/v1/services', { name: 'below', command, env: { LATE_MS: '300' }, health, enabled: false });
  await client.expect(201, 'POST', '/api/v1/services', { name: 'above', command, health, after: ['below'] });
  const waiting = await until('above', ({ state }) => state === 'waiting');
  match(waiting.reason ?? '', /for below, which is (starting|stopped)/);
  await until('above', ({ state }) => state === 'running');
  equal((await read('below')).state, 'running');
  const refused = await client.expect(409, 'DELETE', '/api/v1/services/below');
  match(JSON.stringify(refused), /above waits for below/);
  const cyclic = await client.expect(400, 'PUT', '/api/v1/services/below', { command, after: ['above'] });
  match(JSON.stringify(cyclic), /below waits for above waits for below/);
  await client.expect(204, 'DELETE', '/api/v1/services/above');
  await client.expect(204, 'DELETE', '/api/v1/services/below');
});

test('no more start at once than MAX_CONCURRENT_STARTS says; the others say for what they wait', async () => {
  const names = ['a1', 'a2', 'a3', 'a4'];
  for (const name of names) await client.expect(201, 'POST', '/api/v1/services', { name, command, env: { LATE_MS: '400' }, health });
  const seen: number[] = [];
  let waited = '';
  for (;;) {
    const all = (itemsOf(await client.expect(200, 'GET', '/api/v1/services')) as unknown as Service[]).filter(({ name }) => names.includes(name));
    seen.push(all.filter(({ state }) => state === 'starting').length);
    waited += all.map(({ reason }) => reason ?? '').join(' ');
    if (all.every(({ state }) => state === 'running')) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  ok(Math.max(...seen) <= 2, `${Math.max(...seen)} at once`);
  match(waited, /for a place among the services that start/);
  for (const name of names) await client.expect(204, 'DELETE', `/api/v1/services/${name}`);
});

test('nobody using it for its time, a service rests', async () => {
  await client.expect(201, 'POST', '/api/v1/services', { name: 'lazy', command, health, idle: { afterMs: 1_000 } });
  const resting = await until('lazy', ({ state }) => state === 'stopped');
  match(resting.reason ?? '', /nobody used it for 1 s; the next use starts it again/);
  await client.expect(204, 'DELETE', '/api/v1/services/lazy');
});

test('files define services, change those of the API, and are shown with their fault; they are not changed over the API', async () => {
  const folder = join(app.workspace, 'services');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'filed.yaml'), `command: ${JSON.stringify(command)}\nhealth: { type: http, path: /health }\n`);
  writeFileSync(join(folder, 'paged.json'), JSON.stringify({ title: 'From a file' }));
  writeFileSync(join(folder, 'torn.yaml'), 'command: [');
  writeFileSync(join(folder, 'odd.json'), JSON.stringify({ command: 'a line' }));
  // A change over the API reads the files too.
  await client.expect(201, 'POST', '/api/v1/services', { name: 'nudge', command: ['true'], enabled: false });
  await until('filed', ({ state }) => state === 'running');
  const paged = await read('paged');
  deepEqual([paged.title, paged.source, paged.file], ['From a file', 'file', join(folder, 'paged.json')]);
  equal((await read('torn')).state, 'failed');
  match((await read('odd')).reason ?? '', /command/);
  const refused = await client.expect(409, 'PUT', '/api/v1/services/filed', { command });
  match(JSON.stringify(refused), /filed\.yaml; change it there/);
  await client.expect(204, 'DELETE', '/api/v1/services/nudge');
});

test('bad definitions are refused with what is wrong', async () => {
  const refusals: [Record<string, unknown>, RegExp][] = [
    [{ name: 'Upper', command }, /a service is named by/],
    [{ name: 'x', command: ['run', '{{ secrets.TOKEN }}'] }, /can't stand here, for every process of the machine can read it/],
    [{ name: 'x', command: ['run', '{{prot}}'] }, /\{\{prot\}\} is none of/],
    [{ name: 'x', command, after: ['nobody'] }, /there is no service \\"nobody\\"/],
    [{ name: 'x', command, page: { stripPrefix: false } }, /needs page\.isolation/],
  ];
  for (const [body, fault] of refusals) match(JSON.stringify(await client.expect(400, 'POST', '/api/v1/services', body)), fault);
  match(JSON.stringify(await client.expect(409, 'POST', '/api/v1/services', { name: 'paged', command })), /already/);
});

test('definitions, logs and commands are for super administrators; the list is for everybody', async () => {
  const { client: user } = app.people.user;
  ok(itemsOf(await user.expect(200, 'GET', '/api/v1/services')).length > 0);
  await user.expect(403, 'GET', '/api/v1/services/paged');
  await user.expect(403, 'GET', '/api/v1/services/paged/log');
  await app.people.admin.client.expect(403, 'POST', '/api/v1/services', { name: 'mine', command });
  equal(readFileSync(join(app.workspace, 'logs/services/paged.log'), 'utf8').includes('very-secret-token'), false);
});
