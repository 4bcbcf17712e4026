/** What Prometheus reads: every name that CONTRACTS promises, in a form that promtool accepts, with labels that do not grow with use.
 *  The dashboard and the rules under scripts/deploy name only what is there. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startApp, type TestApp } from '../test/app.ts';
import { root } from '../test/source-files.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const NO_PROMTOOL = hasPromtool ? false : 'promtool is not installed (apt-get install prometheus)';
const folder = join(root, 'scripts/deploy/monitoring');

let app: TestApp;
before(async () => {
  app = await startApp();
  const { client } = app.people.superAdmin;
  const { id } = await client.expect(201, 'POST', '/api/v1/workflows', {
    name: 'counted',
    nodes: [
      { key: 'a', type: 'set', params: { values: { a: 1 } } },
      { key: 'b', type: 'command', params: { command: ['true'] } },
    ],
    edges: [{ from: 'a', to: 'b' }],
  });
  await client.expect(200, 'POST', `/api/v1/workflows/${String(id)}/instances?wait=60`, {});
});
after(() => app.close());

async function read(): Promise<string> {
  const reply = await app.people.superAdmin.client.call('GET', '/metrics');
  equal(reply.status, 200);
  return reply.text;
}

/** Names with a sample or a TYPE. */
function namesIn(text: string): Set<string> {
  return new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name ?? ''));
}

// Source: CONTRACTS (Metrics), name by name and then noun by noun.
const PROMISED = [
  ...['env_queue_depth', 'gpu_wait_seconds', 'env_error_rate', 'workflows_total', 'runner_gpu_total'],
  ...['studio_request_seconds', 'studio_requests_total'],
  ...['studio_steps', 'studio_steps_total', 'studio_jobs_running', 'studio_jobs_total', 'studio_step_seconds', 'studio_dispatch_seconds'],
  ...['studio_journal_batch_groups', 'studio_journal_flush_seconds', 'studio_outbox_lag_seconds', 'studio_sockets'],
  ...['studio_gpu_leased_bytes', 'studio_gpu_leases', 'studio_gpu_memory_used_bytes', 'studio_gpu_utilization_ratio'],
  ...['studio_gpu_temperature_celsius', 'studio_gpu_power_watts', 'studio_model_tokens_in_total', 'studio_model_tokens_out_total'],
  ...['studio_download_bytes_total', 'studio_postgres_connections', 'studio_redis_memory_bytes', 'studio_redis_evicted_keys_total'],
  ...['studio_workspace_used_bytes', 'studio_backup_age_seconds', 'studio_backup_verified_age_seconds', 'studio_backup_verified_ok'],
  ...['studio_process_resident_memory_bytes', 'studio_nodejs_eventloop_lag_p99_seconds'],
];

test('every promised metric is there, and what ran is counted', async () => {
  const text = await read();
  const names = namesIn(text);
  deepEqual(
    PROMISED.filter((name) => !names.has(name)),
    [],
  );
  match(text, /^studio_instances_total\{status="completed"\} 1$/m);
  match(text, /^studio_steps_total\{status="completed"\} 2$/m);
  match(text, /^studio_jobs_total\{queue="studio",status="completed"\} 1$/m);
  match(text, /^studio_dispatch_seconds_count\{queue="studio"\} 1$/m);
  match(text, /^env_queue_depth\{queue="gpu"\} 0$/m);
  match(text, /^env_error_rate 0$/m);
  match(text, /^workflows_total 1$/m);
  match(text, /^studio_redis_up 0$/m);
  match(text, /^studio_postgres_connections [1-9]/m);
  // No sample where nothing is known: nobody made a backup.
  ok(!/^studio_backup_age_seconds/m.test(text));
});

test('promtool finds no fault with it', { skip: NO_PROMTOOL }, async () => {
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: await read(), encoding: 'utf8' });
  equal(`${checked.stdout}${checked.stderr}`, '');
  equal(checked.status, 0);
});

test('labels do not grow with what people ask for', async () => {
  const seriesOf = (text: string): number => text.split('\n').filter((line) => /^studio_(?!nodejs|process)/.test(line)).length;
  const ask = (turn: number) => app.people.user.client.call('GET', `/api/v1/instances/inst_${turn}`);
  await ask(0);
  await app.anonymous.call('GET', '/nothing/0');
  // The first reading counts itself from then on.
  await read();
  const before = seriesOf(await read());
  for (let turn = 1; turn < 20; turn++) {
    await ask(turn);
    await app.anonymous.call('GET', `/nothing/${turn}`);
  }
  equal(seriesOf(await read()), before);
  ok(!/(inst|wf|job|user|org|key)_[0-9a-z]{20}/.test(await read()));
});

test('who has no right to the machine does not read them', async () => {
  const made = await app.people.superAdmin.client.expect(201, 'POST', '/api/v1/api-keys', { name: 'files', scopes: ['files:read'] });
  const reply = await app.anonymous.call('GET', '/metrics', { headers: { authorization: `Bearer ${String(made['key'])}` } });
  equal(reply.status, 403);
  const wrong = await app.anonymous.call('GET', '/metrics', { headers: { authorization: 'Bearer nobody' } });
  equal(wrong.status, 401);
});

/** Names of metrics in an expression of PromQL, without the suffixes of histograms. */
function metricsOf(expression: string): readonly string[] {
  return [...expression.matchAll(/\b(?:studio|env|gpu|workflows|runner)_[a-z0-9_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
}

test('the dashboard and the rules name only metrics that are there', async () => {
  const names = namesIn(await read());
  const dashboard = JSON.parse(readFileSync(join(folder, 'grafana-studio.json'), 'utf8')) as {
    readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
  };
  const expressions = dashboard.panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => expr));
  const rules = [...readFileSync(join(folder, 'alerts.yml'), 'utf8').matchAll(/^\s+expr: (.*)$/gm)].map(([, expr]) => expr ?? '');
  ok(expressions.length > 15 && rules.length > 10);
  deepEqual(
    [...expressions, ...rules].flatMap(metricsOf).filter((name) => !names.has(name)),
    [],
  );
});

test('promtool accepts the rules, and they fire when they should', { skip: NO_PROMTOOL }, () => {
  const checked = spawnSync('promtool', ['check', 'rules', join(folder, 'alerts.yml')], { encoding: 'utf8' });
  equal(checked.status, 0, checked.stderr);
  const [tests] = globSync('alerts.test.yml', { cwd: folder });
  const run = spawnSync('promtool', ['test', 'rules', tests ?? ''], { cwd: folder, encoding: 'utf8' });
  equal(run.status, 0, `${run.stdout}${run.stderr}`);
});
