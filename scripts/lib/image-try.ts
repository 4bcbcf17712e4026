/** `scripts/deploy/image try`: runs the image as a pod would, on an ordinary folder and on a volume like RunPod's, and judges what its users rely on.
 *  Runs in a network of its own (deploy-image.mjs makes it), so port 8000 is free. Prints one line a check; --ledger adds a line to the record. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { asObject, createApiClient, itemsOf, type ApiClient } from '../../src/test/api-client.ts';
import { owner } from '../../src/test/studio-process.ts';
import { openImages, startContainer, type Container } from './image-container.ts';

const URL_INSIDE = 'http://127.0.0.1:8000';
const LEDGER = join(import.meta.dirname, '../deploy/image-ledger.jsonl');
const { values, positionals } = parseArgs({
  options: { tag: { type: 'string', default: 'localhost/studio' }, ledger: { type: 'boolean' } },
  allowPositionals: true,
});
const images = openImages(positionals);
const config = images.configOf(values.tag);
const results: { readonly check: string; readonly ok: boolean; readonly about: string }[] = [];

function tell(check: string, ok: boolean, about: string): void {
  results.push({ check, ok, about });
  process.stdout.write(`${ok ? 'ok     ' : 'FAILURE'}  ${check}: ${about}\n`);
}

// A busy machine takes its time; one that never comes to it must not hold the trial for ever.
const LIMIT_MS = 300_000;

/** Looks every 50 ms, until the limit. */
async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + LIMIT_MS;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within ${LIMIT_MS / 1_000} s`);
}

async function statusOf(path: string): Promise<number | undefined> {
  try {
    const reply = await fetch(`${URL_INSIDE}${path}`, { signal: AbortSignal.timeout(5_000) });
    await reply.arrayBuffer();
    return reply.status;
  } catch {
    return undefined;
  }
}

const isReady = async (): Promise<true | undefined> => ((await statusOf('/health')) === 200 ? true : undefined);

/** A new container on the workspace, as a pod that was moved. */
async function withContainer(place: string, workspace: string, work: (container: Container) => Promise<void>): Promise<void> {
  const rootfs = images.open(values.tag);
  const startedAt = performance.now();
  const container = await startContainer({ rootfs: rootfs.path, workspace, config });
  try {
    await until('the first answer', () => statusOf('/health'));
    const answeredMs = Math.round(performance.now() - startedAt);
    await until('ready', isReady);
    tell(`${place}: start`, true, `answers after ${answeredMs} ms, ready after ${Math.round(performance.now() - startedAt)} ms`);
    await work(container);
    const stopAt = performance.now();
    const status = await container.stop();
    tell(`${place}: stop`, status === 0, `status ${status} after ${Math.round(performance.now() - stopAt)} ms`);
  } catch (error) {
    process.stderr.write(`${container.log().slice(-4_000)}\n`);
    throw error;
  } finally {
    container.kill();
    rootfs.remove();
  }
}

async function lookAtSurface(place: string, container: Container): Promise<void> {
  const { output } = spawnSync('ss', ['-ltnH'], { encoding: 'utf8' });
  const listeners = String(output[1])
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/)[3] ?? '');
  const open = listeners.filter((address) => !address.startsWith('127.') && !address.startsWith('[::1]'));
  tell(`${place}: one open port`, open.length === 1 && (open[0] ?? '').endsWith(':8000'), open.join(', '));
  const first = container.processes().find((one) => one.pid === container.pid);
  tell(`${place}: PID 1 reaps`, first?.name === 'tini' && (await reaps(container)), `PID 1 is ${first?.name}`);
  tell(
    `${place}: live and ready`,
    (await statusOf('/health/live')) === 200,
    `health/live ${await statusOf('/health/live')}, health ${await statusOf('/health')}`,
  );
  const [kind, ...command] = config.healthCheck;
  const checkedAt = performance.now();
  const { status, output: said } = container.exec(command);
  tell(
    `${place}: health check`,
    kind === 'CMD' && status === 0,
    `${command.join(' ')}: ${status} in ${Math.round(performance.now() - checkedAt)} ms, ${said.trim()}`,
  );
}

/** An orphan ends: is it there as a zombie afterwards? */
async function reaps(container: Container): Promise<boolean> {
  container.exec(['sh', '-c', '(sleep 0.2 &)']);
  await until('no orphan is left', () => (container.processes().some(({ name }) => name === 'sleep') ? undefined : true));
  return container.processes().every(({ state }) => state !== 'Z');
}

async function claim(place: string, workspace: string): Promise<ApiClient> {
  const path = join(workspace, 'claim-url');
  const link = await until('the claim link', () => (existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined));
  const token = decodeURIComponent(/[?&#]token=([^&#]+)/.exec(link)?.[1] ?? link.split('/').at(-1) ?? '');
  const claimed = await createApiClient(URL_INSIDE).expect(201, 'POST', '/api/v1/auth/claim', { token, ...owner });
  const made = await createApiClient(URL_INSIDE, String(claimed['accessToken'])).expect(201, 'POST', '/api/v1/api-keys', { name: 'try', scopes: ['*'] });
  tell(`${place}: claim`, true, `with the link of claim-url (mode ${(statSync(path, { throwIfNoEntry: false })?.mode ?? 0o600).toString(8).slice(-3)})`);
  return createApiClient(URL_INSIDE, String(made['key']));
}

async function runExample(place: string, client: ApiClient): Promise<void> {
  const workflow = await until('the example', async () => itemsOf(await client.expect(200, 'GET', '/api/v1/workflows'))[0]);
  const startedAt = performance.now();
  const run = await client.call('POST', `/api/v1/workflows/${String(workflow['id'])}/instances?wait=60`, { body: { input: {} } });
  tell(
    `${place}: example`,
    asObject(run.body)['status'] === 'completed',
    `${String(asObject(run.body)['status'])} in ${Math.round(performance.now() - startedAt)} ms`,
  );
}

async function submit(client: ApiClient, body: object): Promise<string> {
  return String(asObject((await client.expect(201, 'POST', '/api/v1/jobs', body))['job'])['id']);
}

async function ended(client: ApiClient, id: string): Promise<Record<string, unknown>> {
  return until(`the end of ${id}`, async () => {
    const job = await client.call('GET', `/api/v1/jobs/${id}`).catch(() => undefined);
    const body = asObject(job?.body);
    return ['completed', 'failed', 'cancelled', 'dead'].includes(String(body['status'])) ? body : undefined;
  });
}

/** The job must not notice that Studio is killed under it. */
async function outlive(place: string, container: Container, client: ApiClient, workspace: string): Promise<void> {
  const id = await submit(client, { script: 'echo begin; sleep 6; echo end' });
  const logOf = async (): Promise<string> => (await client.call('GET', `/api/v1/jobs/${id}/log`)).text;
  await until('the job begins', async () => ((await logOf()).includes('begin') ? true : undefined));
  const before = readFileSync(join(workspace, 'run/studio.pid'), 'utf8').trim();
  container.exec(['sh', '-c', `kill -9 ${before}`]);
  const killedAt = performance.now();
  await until('another process', () => {
    const now = existsSync(join(workspace, 'run/studio.pid')) ? readFileSync(join(workspace, 'run/studio.pid'), 'utf8').trim() : before;
    return now !== before && now !== '' ? true : undefined;
  });
  await until('ready again', isReady);
  const backMs = Math.round(performance.now() - killedAt);
  const job = await ended(client, id);
  const log = await logOf();
  const isWhole = job['status'] === 'completed' && log.split('begin').length === 2 && log.split('end').length === 2;
  tell(`${place}: a job outlives Studio`, isWhole, `${String(job['status'])}, begun once, ended once; Studio was back ${backMs} ms after its kill`);
}

async function runPython(place: string, client: ApiClient): Promise<void> {
  const id = await submit(client, { command: ['python3', '-c', 'print(6 * 7)'] });
  const job = await ended(client, id);
  tell(`${place}: Python`, job['status'] === 'completed' && (await client.call('GET', `/api/v1/jobs/${id}/log`)).text.includes('42'), String(job['status']));
}

async function tryOn(place: string, workspace: string): Promise<void> {
  let client: ApiClient | undefined;
  let isKept = false;
  await withContainer(place, workspace, async (container) => {
    await lookAtSurface(place, container);
    client = await claim(place, workspace);
    await runExample(place, client);
    await outlive(place, container, client, workspace);
    await runPython(place, client);
    const storage = asObject((await client.expect(200, 'GET', '/api/v1/infrastructure/health/storage'))['storage']);
    // A plan that would lose something with the container says so in a banner.
    isKept = storage['banner'] === null;
    tell(
      `${place}: storage`,
      true,
      `${String(storage['mountType'])}, plan ${String(storage['plan'])}${isKept ? '' : `, told in red: ${String(storage['banner'])}`}`,
    );
  });
  await withContainer(`${place}, another container`, workspace, async () => {
    const status = (await client?.call('GET', '/api/v1/users/me'))?.status;
    tell(`${place}, another container: what was kept`, isKept ? status === 200 : true, status === 200 ? 'everything' : `nothing (${status}), as was told`);
  });
}

/** As a RunPod network volume: whoever writes is root, owners and modes are not kept. */
async function onVolume(folder: string, work: (workspace: string) => Promise<void>): Promise<void> {
  const [below, mount] = [join(folder, 'volume-store'), join(folder, 'volume')];
  for (const path of [below, mount]) mkdirSync(path);
  const mounted = spawnSync('bindfs', ['--force-user=root', '--force-group=root', '--chown-deny', '--chmod-ignore', '--perms=0777', below, mount], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) return tell('volume', true, `not tried: no bindfs here (apt-get install bindfs). ${mounted.stderr ?? ''}`);
  try {
    await work(mount);
  } finally {
    spawnSync('umount', ['--lazy', mount]);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'studio-try-'));
try {
  tell('image', config.volumes.includes('/workspace') && config.ports.includes('8000/tcp'), `volumes ${config.volumes.join()}, ports ${config.ports.join()}`);
  const plain = join(folder, 'workspace');
  mkdirSync(plain);
  await tryOn('folder', plain);
  await onVolume(folder, (mount) => tryOn('network volume', mount));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const failed = results.filter(({ ok }) => !ok).length;
if (values.ledger === true) appendFileSync(LEDGER, `${JSON.stringify({ at: new Date().toISOString(), checks: results.length, failed, results })}\n`);
process.stdout.write(`${results.length - failed} checks well, ${failed} not\n`);
process.exitCode = failed === 0 ? 0 : 1;
