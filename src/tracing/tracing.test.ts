/** Traces of the whole application, as a real collector receives them. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startApp, type TestApp } from '../test/app.ts';
import type { ApiClient } from '../test/api-client.ts';
import { startFakeOpenAi, type FakeOpenAi } from '../test/fake-openai.ts';
import { otlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../test/otlp-receiver.ts';
import { webReceiver, type WebReceiver } from '../test/receiver.ts';
import { instanceSpanId, jobSpanId, runSpanId, stepSpanId, traceIdOf } from './ids.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const HOSTILE = '\u202e<img src=x onerror=alert(1)> {{ secrets.X }} "';

let collector: OtlpReceiver;
let outside: WebReceiver;
let provider: FakeOpenAi;
let app: TestApp;
let api: ApiClient;

before(async () => {
  [collector, outside, provider] = await Promise.all([otlpReceiver(), webReceiver(), startFakeOpenAi()]);
  app = await startApp({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=a%2Cb',
      OTEL_SERVICE_NAME: 'bench',
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,owner=J%C3%B6rg',
    },
  });
  api = app.people.superAdmin.client;
  await api.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: ['127.0.0.1:9', outside.host, new URL(provider.url).host] });
  await api.expect(201, 'POST', '/api/v1/models', { engine: 'remote', name: 'tiny', settings: { kind: 'openai', baseUrl: provider.url, model: 'tiny' } });
});
after(async () => {
  await app.close();
  await Promise.all([collector.close(), outside.close(), provider.close()]);
});

async function workflow(definition: object): Promise<string> {
  return String((await api.expect(201, 'POST', '/api/v1/workflows', definition))['id']);
}

async function run(id: string, body: object = {}, headers: Record<string, string> = {}): Promise<Record<string, unknown>> {
  return api.expect(200, 'POST', `/api/v1/workflows/${id}/instances?wait=60`, body, headers);
}

const rootOf = (instanceId: string): Promise<ReceivedSpan> =>
  collector.span(`the root of ${instanceId}`, ({ traceId, spanId }) => traceId === traceIdOf(instanceId) && spanId === instanceSpanId(instanceId));

const spansOf = (instanceId: string): readonly ReceivedSpan[] => collector.spans.filter(({ traceId }) => traceId === traceIdOf(instanceId));

test('a request is told with its route, who called and the trace of the caller, and never with what was asked', async () => {
  await api.call('GET', '/api/v1/workflows?search=hush-hush', { headers: { traceparent: `00-${TRACE}-${PARENT}-01`, 'x-request-id': 'req-of-the-caller' } });
  const span = await collector.span('the request', ({ attributes }) => attributes['studio.request.id'] === 'req-of-the-caller');
  deepEqual([span.traceId, span.parentSpanId, span.kind, span.name], [TRACE, PARENT, 2, 'GET /api/v1/workflows']);
  deepEqual(span.attributes, {
    'http.request.method': 'GET',
    'http.route': '/api/v1/workflows',
    'http.response.status_code': 200,
    'studio.request.id': 'req-of-the-caller',
    'studio.org.id': app.people.superAdmin.orgId,
    'user.id': app.people.superAdmin.userId,
  });
  equal(span.resource['service.name'], 'bench');
  equal(span.resource['owner'], 'Jörg');
  const [first] = collector.requests;
  deepEqual([first?.path, first?.headers['x-team']], ['/v1/traces', 'a,b']);
  ok(collector.requests.every(({ body }) => !body.includes('hush-hush')));
  // A caller that does not keep its trace is not kept here.
  await api.call('GET', '/api/v1/workflows', { headers: { traceparent: `00-${TRACE}-${PARENT}-00`, 'x-request-id': 'req-not-kept' } });
  await api.call('GET', '/api/v1/workflows', { headers: { traceparent: 'nonsense', 'x-request-id': 'req-after-it' } });
  const later = await collector.span('the one after', ({ attributes }) => attributes['studio.request.id'] === 'req-after-it');
  ok(later.traceId !== TRACE && later.parentSpanId === undefined);
  ok(!collector.spans.some(({ attributes }) => attributes['studio.request.id'] === 'req-not-kept'));
});

test('lines logged for a request carry its trace', async () => {
  await api.call('GET', '/api/v1/workflows', { headers: { traceparent: `00-${TRACE}-${PARENT}-01`, 'x-request-id': 'req-with-lines' } });
  const lines = app
    .logged()
    .split('\n')
    .filter((line) => line.includes('req-with-lines'));
  ok(lines.length > 0);
  for (const line of lines) equal((JSON.parse(line) as { trace_id: string }).trace_id, TRACE);
});

test('an instance is one trace: its steps, attempts, pauses and items under it, linked with the request that began it', async () => {
  const id = await workflow({
    name: HOSTILE,
    nodes: [
      {
        key: 'each',
        type: 'map',
        params: { items: [1, 2], body: { nodes: [{ key: 'say', type: 'template', params: { text: 'item {{ item }}' } }], edges: [] } },
      },
      { key: 'pause', type: 'wait.timer', params: { durationMs: 30 } },
      {
        key: 'ask',
        type: 'http.request',
        params: { url: `http://${outside.host}/hook?token=hush-hush` },
        retry: { maxAttempts: 2, backoffMs: 1, jitter: 0 },
        onError: 'continue',
      },
    ],
    edges: [
      { from: 'each', to: 'pause' },
      { from: 'pause', to: 'ask' },
    ],
  });
  const instance = await run(id, {}, { 'x-request-id': 'req-that-starts' });
  const instanceId = String(instance['id']);
  const root = await rootOf(instanceId);
  const spans = spansOf(instanceId);
  const step = (path: string): ReceivedSpan | undefined => spans.find(({ spanId }) => spanId === stepSpanId({ instanceId, path, generation: 1 }));
  equal(root.parentSpanId, undefined);
  equal(root.attributes['studio.instance.status'], 'completed');
  equal(root.attributes['studio.workflow.id'], id);
  equal((await api.expect(200, 'GET', `/api/v1/instances/${instanceId}`))['traceId'], root.traceId);
  deepEqual(
    ['each', 'each[0]', 'each[1]', 'each[0]/say', 'pause', 'ask'].map((path) => [path, step(path)?.name, step(path)?.parentSpanId]),
    [
      ['each', 'map each', root.spanId],
      ['each[0]', 'map each[]', step('each')?.spanId],
      ['each[1]', 'map each[]', step('each')?.spanId],
      ['each[0]/say', 'template say', step('each[0]')?.spanId],
      ['pause', 'wait.timer pause', root.spanId],
      ['ask', 'http.request ask', root.spanId],
    ],
  );
  const wait = spans.find(({ name }) => name.startsWith('wait '));
  equal(wait?.parentSpanId, step('pause')?.spanId);
  const start = spans.find(({ name }) => name === 'start');
  equal(root.name, `workflow ${HOSTILE}`);
  const server = await collector.span('its server span', (span) => span.kind === 2 && span.attributes['studio.request.id'] === 'req-that-starts');
  deepEqual(
    server.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
    [{ traceId: root.traceId, spanId: root.spanId }],
  );
  deepEqual([root.links[0]?.spanId, start?.links[0]?.spanId], [server.spanId, server.spanId]);
  // What goes out carries the trace on, and nothing of its path or query is told.
  const call = spans.find(({ kind }) => kind === 3);
  equal(call?.parentSpanId, step('ask')?.spanId);
  equal(outside.posted[0]?.headers['traceparent'], `00-${root.traceId}-${call?.spanId}-01`);
  equal(call?.attributes['server.address'], '127.0.0.1');
  ok(collector.requests.every(({ body }) => !body.includes('hush-hush') && !body.includes('/hook')));
});

test('attempts that did not stand are told, and a failed step says why', async () => {
  const id = await workflow({
    name: 'Tries',
    nodes: [{ key: 'ask', type: 'http.request', params: { url: 'http://127.0.0.1:9/nobody' }, retry: { maxAttempts: 2, backoffMs: 1, jitter: 0 } }],
    edges: [],
  });
  const instanceId = String((await run(id))['id']);
  const root = await rootOf(instanceId);
  const spans = spansOf(instanceId);
  const step = spans.find(({ name }) => name === 'http.request ask');
  deepEqual([root.status.code, step?.status.code, step?.attributes['studio.step.attempt']], [2, 2, 2]);
  match(step?.status.message ?? '', /127\.0\.0\.1/);
  deepEqual(
    spans.filter(({ name }) => name.startsWith('attempt')).map(({ name, parentSpanId, status }) => [name, parentSpanId, status.code]),
    [
      ['attempt 1', step?.spanId, 2],
      ['attempt 2', step?.spanId, 2],
    ],
  );
});

test('the job of a step stands under it, with its line, its run and its exit; its program finds the trace in its environment', async () => {
  const id = await workflow({
    name: 'Runs',
    nodes: [{ key: 'job', type: 'command', params: { command: ['/bin/sh', '-c', 'echo $TRACEPARENT; exit 3'] }, onError: 'continue' }],
    edges: [],
  });
  const instanceId = String((await run(id))['id']);
  await rootOf(instanceId);
  const jobId = String(spansOf(instanceId).find(({ name }) => name === 'command job')?.attributes['studio.job.id']);
  const job = await collector.span('the job', ({ spanId }) => spanId === jobSpanId(jobId));
  const inside = collector.spans.filter(({ parentSpanId }) => parentSpanId === job.spanId);
  equal(job.parentSpanId, stepSpanId({ instanceId, path: 'job', generation: 1 }));
  deepEqual([job.traceId, job.attributes['process.exit.code'], job.status.code], [traceIdOf(instanceId), 3, 2]);
  deepEqual(inside.map(({ name }) => name).toSorted(), ['queued', 'run']);
  const log = await api.call('GET', `/api/v1/jobs/${jobId}/log`);
  match(log.text, new RegExp(`00-${job.traceId}-${runSpanId(jobId, 1)}-01`));
});

test('a model is told with its tokens, under the request or the step that asks it', async () => {
  const body = { model: 'tiny', messages: [{ role: 'user', content: 'hush-hush of the prompt' }] };
  await api.expect(200, 'POST', '/v1/chat/completions', body, { 'x-request-id': 'req-of-a-model' });
  const server = await collector.span('its request', (span) => span.kind === 2 && span.attributes['studio.request.id'] === 'req-of-a-model');
  const chat = await collector.span('the chat', ({ parentSpanId }) => parentSpanId === server.spanId);
  deepEqual([chat.name, chat.kind, chat.traceId], ['chat tiny', 3, server.traceId]);
  equal(chat.attributes['gen_ai.request.model'], 'tiny');
  ok(Number(chat.attributes['gen_ai.usage.output_tokens']) > 0 && Number(chat.attributes['gen_ai.usage.input_tokens']) > 0);
  const id = await workflow({
    name: 'Asks',
    nodes: [{ key: 'ask', type: 'llm.chat', params: { model: 'tiny', messages: [{ role: 'user', content: 'hush-hush too' }] } }],
    edges: [],
  });
  const instanceId = String((await run(id))['id']);
  await rootOf(instanceId);
  const asked = spansOf(instanceId).find(({ name }) => name === 'chat tiny');
  equal(asked?.parentSpanId, stepSpanId({ instanceId, path: 'ask', generation: 1 }));
  ok(collector.requests.every(({ body: sent }) => !sent.includes('hush-hush')));
});

test('a job without a workflow has a trace of its own', async () => {
  const { ids } = await api.expect(201, 'POST', '/api/v1/jobs', { command: ['/bin/true'], name: HOSTILE });
  const jobId = String((ids as string[])[0]);
  const job = await collector.span('the job', ({ spanId }) => spanId === jobSpanId(jobId));
  deepEqual(
    [job.traceId, job.parentSpanId, job.attributes['studio.job.status'], job.attributes['studio.job.name']],
    [traceIdOf(jobId), undefined, 'completed', HOSTILE],
  );
});

test('an instance, read alone or as its page reads it, says under which trace it is told', async () => {
  const id = await workflow({ name: 'Says its trace', nodes: [{ key: 'a', type: 'noop' }], edges: [] });
  const instanceId = String((await run(id))['id']);
  equal((await api.expect(200, 'GET', `/api/v1/instances/${instanceId}`))['traceId'], traceIdOf(instanceId));
  const { instance } = await api.expect(200, 'GET', `/api/v1/instances/${instanceId}/view`);
  equal((instance as { readonly traceId?: unknown }).traceId, traceIdOf(instanceId));
});

test('an instance that a trigger begins says by which kind', async () => {
  const id = await workflow({
    name: 'Fires',
    nodes: [{ key: 'end', type: 'noop' }],
    edges: [],
    triggers: [{ key: 'hook', type: 'webhook', params: { auth: 'none' } }],
  });
  const { items } = await api.expect(200, 'GET', '/api/v1/triggers');
  const hook = (items as { workflowId: string; url: string }[]).find(({ workflowId }) => workflowId === id);
  const { instanceId } = await api.expect(202, 'POST', hook?.url ?? '', {});
  await rootOf(String(instanceId));
  const start = spansOf(String(instanceId)).find(({ name }) => name === 'start by webhook');
  equal(start?.attributes['studio.started_by'], 'webhook:hook');
});

test('metrics count what was sent', async () => {
  const { text } = await api.call('GET', '/metrics');
  match(text, /studio_trace_spans_total\{outcome="exported"\} [1-9]/);
  match(text, /studio_trace_spans_total\{outcome="dropped"\} 0/);
});
