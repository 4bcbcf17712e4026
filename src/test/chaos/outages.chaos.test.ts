/** The five classic outages, caused for real: each says what is wrong and where it stands what to do, where a person would look. */
import { equal, match, ok } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { createApiClient, itemsOf } from '../api-client.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';
import { createStudio } from '../studio-process.ts';

let opened: ClaimedStudio;
before(async () => {
  opened = await openClaimedStudio();
});
after(() => opened.close());

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly reason?: string;
  readonly help?: string;
}

async function full(): Promise<{ readonly status: number; readonly checks: readonly Check[] }> {
  // Without a token, as a probe on the machine: who a token belongs to is asked of the database.
  const { status, body } = await createApiClient(opened.studio.url).call('GET', '/api/v1/infrastructure/health/full');
  return { status, checks: (body as { checks?: readonly Check[] }).checks ?? [] };
}

/** Asks until health says it of a part. */
async function untilCheck(name: string, isRight: (check: Check) => boolean): Promise<Check> {
  for (;;) {
    const check = (await full()).checks.find((one) => one.name === name);
    if (check !== undefined && isRight(check)) return check;
    await systemClock.sleep(50);
  }
}

async function helps(path: string | undefined, words: RegExp): Promise<void> {
  const page = await opened.client.call('GET', path ?? '/nowhere');
  equal(page.status, 200, `there is no page at ${path}`);
  match(page.text, words);
}

/** The process of a service of Studio's own. */
async function pidOf(name: string): Promise<number> {
  const services = itemsOf(await opened.client.expect(200, 'GET', '/api/v1/services'));
  const pid = services.find((service) => service['name'] === name)?.['pid'];
  if (typeof pid !== 'number') throw new Error(`${name} does not run`);
  return pid;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

test('Studio that can not start says why and what to do, on the terminal', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const other = await createStudio({ env: { PORT: String(port) } });
  try {
    await other.start().catch(() => undefined);
    match(other.log(), new RegExp(`Port ${port} is taken`));
    match(other.log(), /What to do:\n {2}- /);
  } finally {
    await other.destroy();
    taken.close();
  }
});

test('a frozen database is named by health and by refused calls, each with its page; it heals', async () => {
  const pid = await pidOf('postgres');
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/stat`).split(') ')[1]?.split(' ')[1] === String(pid))
    .map(Number);
  const stop = [pid, ...children];
  for (const one of stop) process.kill(one, 'SIGSTOP');
  try {
    const check = await untilCheck('database', (one) => !one.ok);
    await helps(check.help, /The database does not answer/);
    equal((await full()).status, 503);
    for (;;) {
      // Nobody yet: who asks with a token waits for the database until it counts as away.
      const refused = await createApiClient(opened.studio.url).call('GET', '/api/v1/workflows');
      if (refused.status === 503) {
        equal(refused.headers['link'], '<../../docs/troubleshooting/database-unavailable>; rel="help"');
        break;
      }
      await systemClock.sleep(50);
    }
  } finally {
    for (const one of stop) process.kill(one, 'SIGCONT');
  }
  await untilCheck('database', (one) => one.ok);
});

test('a frozen Redis degrades, and health says where to look', async (t) => {
  if (!(await full()).checks.some((one) => one.name === 'redis' && one.ok)) return t.skip('this machine has no Redis');
  const pid = await pidOf('redis');
  process.kill(pid, 'SIGSTOP');
  try {
    const check = await untilCheck('redis', (one) => !one.ok);
    await helps(check.help, /Redis does not answer/);
    equal((await full()).status, 200);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await untilCheck('redis', (one) => one.ok);
});

test('a job that stays pending says what it waits for', async () => {
  await opened.client.expect(200, 'PATCH', '/api/v1/queues/studio', { paused: true });
  const made = await opened.client.expect(201, 'POST', '/api/v1/jobs', { command: ['true'] });
  const job = await opened.client.expect(200, 'GET', `/api/v1/jobs/${String(made['id'] ?? (made['job'] as { id: string }).id)}`);
  match(JSON.stringify(job['waitReason']), /paused/);
  await helps('/docs/troubleshooting/stuck-pending', /Queues: resume one that is paused/);
  await opened.client.expect(200, 'PATCH', '/api/v1/queues/studio', { paused: false });
});

test('dead live updates are said above every page, with what to do', async () => {
  const page = await opened.browser.newPage(opened.studio.url);
  // As a proxy that does not pass upgrades on.
  await page.routeWebSocket(/\/api\/v1\/realtime/, (socket) => void socket.close({ code: 1011, reason: 'cut' }));
  await page.goto('/');
  await page.getByLabel('E-mail').fill('owner@example.com');
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
  await page.getByRole('button', { name: 'Log in' }).click();
  const link = page.getByRole('status').getByRole('link', { name: 'What to do' });
  await link.waitFor();
  ok((await link.getAttribute('href'))?.endsWith('/docs/troubleshooting/live-updates'));
  await helps('/docs/troubleshooting/live-updates', /Pages do not update by themselves/);
});
