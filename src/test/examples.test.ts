/** Every example workflow runs through the API to its end, with its human part where it has one. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { itemsOf, type ApiClient } from './api-client.ts';
import { startApp, type TestApp } from './app.ts';
import { fakeGpu } from './fake-gpu.ts';
import { startFakeOpenAi, type FakeOpenAi } from './fake-openai.ts';
import { until } from './until.ts';

interface Example {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly definition: Record<string, unknown>;
  readonly input?: unknown;
}

/** What is made of an example in this test. */
interface Made {
  readonly workflowId: string;
  readonly example: Example;
}

let app: TestApp;
let api: ApiClient;
let busy: Server;
let busyUrl = '';
let provider: FakeOpenAi;
/** How often the busy server was asked. */
let asked = 0;
const made = new Map<string, Made>();

// For what asks for a card. Here, not in `before`: what is put off there ends with it.
const card = fakeGpu({ after }, 'one-24gb');

before(async () => {
  card.onPath();
  app = await startApp();
  api = app.people.superAdmin.client;
  busy = createServer((_request, response) => void response.writeHead(++asked < 3 ? 503 : 200).end('at last'));
  await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
  busyUrl = `http://127.0.0.1:${(busy.address() as AddressInfo).port}/`;
  await api.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: ['127.0.0.1'] });
  provider = await startFakeOpenAi();
  await api.expect(201, 'POST', '/api/v1/models', { engine: 'remote', name: 'tiny', settings: { kind: 'openai', baseUrl: provider.url, model: 'tiny' } });
  for (const { id } of itemsOf(await api.expect(200, 'GET', '/api/v1/examples?limit=200'))) {
    const example = (await api.expect(200, 'GET', `/api/v1/examples/${String(id)}`)) as unknown as Example;
    const workflow = await api.expect(201, 'POST', '/api/v1/workflows', { name: example.title, ...example.definition });
    made.set(example.id, { workflowId: String(workflow['id']), example });
  }
});
after(async () => {
  busy.close();
  await app.close();
  await provider.close();
});

type Row = Record<string, unknown>;

const workflowOf = (id: string): string => made.get(id)?.workflowId ?? assert.fail(`there is no example ${id}`);

async function start(id: string, input?: unknown): Promise<string> {
  const body = { input: input ?? made.get(id)?.example.input ?? {} };
  return String((await api.expect(201, 'POST', `/api/v1/workflows/${workflowOf(id)}/instances`, body))['id']);
}

function ended(id: string): Promise<Row> {
  return until(`${id} to end`, async () => {
    const instance = await api.expect(200, 'GET', `/api/v1/instances/${id}`);
    return ['completed', 'failed', 'cancelled'].includes(String(instance['status'])) ? instance : undefined;
  });
}

async function completed(id: string): Promise<unknown> {
  const instance = await ended(id);
  assert.equal(instance['status'], 'completed', JSON.stringify(instance['error']));
  return instance['output'];
}

async function stepsOf(id: string): Promise<Map<string, Row>> {
  return new Map(itemsOf(await api.expect(200, 'GET', `/api/v1/instances/${id}/steps?limit=200`)).map((step) => [String(step['path']), step]));
}

function waiting(id: string, path: string): Promise<Row> {
  return until(`${path} to wait`, async () => {
    const step = (await stepsOf(id)).get(path);
    return step?.['status'] === 'waiting' ? step : undefined;
  });
}

/** The first instance of an example that something else than this test started. */
function started(id: string, by: string): Promise<string> {
  return until(`${by} to start ${id}`, async () => {
    const found = itemsOf(await api.expect(200, 'GET', `/api/v1/instances?workflowId=${workflowOf(id)}`)).find((one) => one['startedBy'] === by);
    return found === undefined ? undefined : String(found['id']);
  });
}

const run = async (id: string, input?: unknown): Promise<unknown> => completed(await start(id, input));

async function webhookOf(id: string): Promise<Row | undefined> {
  return itemsOf(await api.expect(200, 'GET', '/api/v1/triggers?type=webhook')).find((one) => one['workflowId'] === workflowOf(id));
}

const cases: Readonly<Record<string, () => Promise<void>>> = {
  'gpu-training': async () => {
    const id = await start('gpu-training');
    const output = (await completed(id)) as { file: string };
    assert.deepEqual(output, { steps: 10, artifacts: ['model.txt'], file: `training/${id}.json` });
    const report = JSON.parse((await api.call('GET', `/api/v1/files/${output.file}`)).text) as { card: string };
    assert.match(report.card, /^GPU-/);
  },
  'model-batch': async () => {
    provider.behave({ answers: ['positive', 'negative', 'neutral'] });
    const output = (await run('model-batch', { texts: ['I like it.', 'It broke.', 'It is blue.'], model: 'tiny' })) as { file: string };
    assert.partialDeepStrictEqual(output, { answered: 3, failed: 0 });
    const lines = (await api.call('GET', `/api/v1/files/${output.file}`)).text.trim().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { text: string }).text),
      ['I like it.', 'It broke.', 'It is blue.'],
    );
  },
  'files-report': async () => {
    await api.call('PUT', '/api/v1/files/samples/words.txt', { body: 'one two three', headers: { 'content-type': 'text/plain' } });
    assert.deepEqual(await run('files-report', { paths: ['samples/words.txt', 'samples/none.txt'] }), { words: 3, unread: ['samples/none.txt'] });
    assert.match((await api.call('GET', '/api/v1/files/reports/words.json')).text, /"longest": "three"/);
  },
  'fall-back': async () => {
    const otherwise = 'kept';
    assert.deepEqual(await run('fall-back', { url: `${app.url}/health/none`, otherwise }), { from: 'what was kept', value: otherwise });
    assert.match(JSON.stringify(await api.expect(200, 'GET', '/api/v1/notifications')), /The server did not answer/);
    assert.partialDeepStrictEqual(await run('fall-back', { url: `${app.url}/health`, otherwise }), { from: 'the server' });
  },
  'order-desk': async () => {
    const url = String((await webhookOf('order-desk'))?.['url']);
    const order = async (number: number, amount: number): Promise<string> =>
      String((await app.anonymous.expect(202, 'POST', url, { number, amount, customer: 'Ada' }))['instanceId']);
    await completed(await order(1, 20));
    const [large, refused] = [await order(2, 200), await order(3, 300)];
    await waiting(large, 'approve');
    await waiting(refused, 'approve');
    await api.expect(200, 'POST', `/api/v1/instances/${large}/steps/approve/approve`, {});
    await api.expect(200, 'POST', `/api/v1/instances/${refused}/steps/approve/reject`, {});
    await completed(large);
    await completed(refused);
    const paths = itemsOf(await api.expect(200, 'GET', '/api/v1/files?limit=200')).map((file) => file['path']);
    for (const path of ['orders/1.json', 'orders/2.json', 'refused/3.json']) assert.ok(paths.includes(path), path);
  },
  'map-files': async () => {
    assert.deepEqual(await run('map-files'), { written: 3, failed: 0 });
    assert.equal((await api.call('GET', '/api/v1/files/greetings/grace.txt')).text, 'Hello, grace. You are number 2.');
  },
  'map-nested': async () => {
    const { items } = (await run('map-nested')) as { items: { items: unknown[] }[] };
    assert.deepEqual(
      items.map((row) => row.items),
      [
        [
          { at: '0:0', twice: 2 },
          { at: '0:1', twice: 4 },
        ],
        [{ at: '1:0', twice: 6 }],
      ],
    );
  },
  'loop-pages': async () => assert.deepEqual(await run('loop-pages'), { rounds: 3, last: ['e'] }),
  'branch-reason': async () => {
    const id = await start('branch-reason');
    await completed(id);
    const steps = await stepsOf(id);
    assert.ok(String(steps.get('size')?.['reason']).length > 0);
    assert.deepEqual([steps.get('review')?.['status'], steps.get('pay')?.['status']], ['completed', 'skipped']);
  },
  'merge-any': async () => {
    const id = await start('merge-any');
    assert.deepEqual(await completed(id), { by: ['quick'] });
    assert.equal((await stepsOf(id)).get('first')?.['generation'], 1);
  },
  'error-branch': async () => {
    const id = await start('error-branch');
    assert.match(JSON.stringify(await completed(id)), /the card was declined/);
    assert.equal((await stepsOf(id)).get('ship')?.['status'], 'skipped');
  },
  'call-child': async () => assert.deepEqual(await run('call-child'), { text: 'Hello, Ada.' }),
  'call-parent': async () => {
    const id = await start('call-parent', { workflowId: workflowOf('call-child'), name: 'Grace' });
    assert.deepEqual(await completed(id), { child: { text: 'Hello, Grace.' } });
  },
  'wait-timer': async () => assert.deepEqual(await run('wait-timer'), { waited: true }),
  'wait-call': async () => {
    const id = await start('wait-call');
    const { url } = (await waiting(id, 'paid'))['waitReason'] as { url: string };
    await app.anonymous.expect(202, 'POST', url, { amount: 12 });
    assert.match(JSON.stringify(await completed(id)), /Thank you for 12\./);
  },
  approval: async () => {
    const id = await start('approval');
    await waiting(id, 'review');
    assert.ok(itemsOf(await api.expect(200, 'GET', '/api/v1/approvals')).some((one) => one['instanceId'] === id));
    await api.expect(200, 'POST', `/api/v1/instances/${id}/steps/review/approve`, { form: { price: 90 }, comment: 'fair' });
    assert.match(JSON.stringify(await completed(id)), /Ada Lovelace: 90 euros/);
    const other = await start('approval');
    await waiting(other, 'review');
    await api.expect(200, 'POST', `/api/v1/instances/${other}/steps/review/reject`, { comment: 'too early' });
    assert.match(JSON.stringify(await completed(other)), /Rejected: too early/);
  },
  'manual-step': async () => {
    const id = await start('manual-step');
    await waiting(id, 'release');
    await api.expect(200, 'POST', `/api/v1/instances/${id}/steps/release/start`);
    assert.match(JSON.stringify(await completed(id)), /Released/);
  },
  'poll-health': async () => {
    const output = (await run('poll-health', { url: `${app.url}/health` })) as { tries: number };
    assert.ok(output.tries >= 1);
  },
  'retry-classes': async () => {
    const id = await start('retry-classes', { url: busyUrl });
    await completed(id);
    assert.deepEqual([asked, (await stepsOf(id)).get('ask')?.['attempt']], [3, 3]);
  },
  'cache-result': async () => {
    assert.deepEqual(await run('cache-result'), { sum: 5_000_050_000 });
    const again = await start('cache-result');
    assert.deepEqual(await completed(again), { sum: 5_000_050_000 });
    assert.equal((await stepsOf(again)).get('costly')?.['status'], 'cached');
  },
  'mock-output': async () => assert.match(JSON.stringify(await run('mock-output')), /21 °C/),
  'disabled-step': async () => assert.deepEqual(await run('disabled-step'), { went: 'on' }),
  conditions: async () => {
    const id = await start('conditions');
    await completed(id);
    const steps = await stepsOf(id);
    assert.deepEqual([steps.get('discount')?.['status'], steps.get('gift')?.['status']], ['completed', 'skipped']);
  },
  'limit-customers': async () => {
    const first = await start('limit-customers');
    const second = await start('limit-customers');
    await completed(second);
    const [one, two] = [await ended(first), await ended(second)];
    assert.ok(String(two['startedAt']) >= String(one['endedAt']), 'the second begins when the first has ended');
  },
  'cron-report': async () => {
    assert.match(JSON.stringify(await run('cron-report')), /Report of sales/);
    const [trigger] = itemsOf(await api.expect(200, 'GET', '/api/v1/triggers?type=cron'));
    assert.match(String(trigger?.['nextFireAt']), /T0[56]:00:00/);
  },
  'webhook-order': async () => {
    const trigger = await webhookOf('webhook-order');
    const reply = await app.anonymous.expect(202, 'POST', String(trigger?.['url']), { number: 41 });
    assert.deepEqual(await completed(String(reply['instanceId'])), { number: 41 });
  },
  'form-request': async () => {
    const reply = await api.expect(202, 'POST', `/api/v1/workflows/${workflowOf('form-request')}/forms/request`, { input: { name: 'Ada', what: 'help' } });
    assert.match(JSON.stringify(await completed(String(reply['instanceId']))), /Ada asks for help/);
  },
  'event-follow': async () => {
    const failing = await api.expect(201, 'POST', '/api/v1/workflows', {
      name: 'Fails',
      nodes: [{ key: 'no', type: 'fail', params: { message: 'no' } }],
      edges: [],
    });
    const { id } = await api.expect(201, 'POST', `/api/v1/workflows/${String(failing['id'])}/instances`, {});
    assert.equal(((await completed(await started('event-follow', 'event:failures'))) as { failed: string }).failed, id);
  },
  'model-summarise': async () => {
    await api.call('PUT', '/api/v1/files/notes.txt', { body: 'It rained.', headers: { 'content-type': 'text/plain' } });
    provider.behave({ answers: ['A note about rain.'] });
    await run('model-summarise', { path: 'notes.txt', model: 'tiny' });
    assert.equal((await api.call('GET', '/api/v1/files/notes.txt.summary.txt')).text, 'A note about rain.');
    assert.match(JSON.stringify(provider.calls.at(-1)?.body['messages']), /It rained\./);
  },
  'model-classify': async () => {
    const mail = { mail: 'My parcel arrived broken.', model: 'tiny' };
    // The first answer does not fit: the model is asked to correct it.
    provider.behave({ answers: ['It is a complaint.', '{"topic":"complaint","isUrgent":true}'] });
    const before = provider.calls.length;
    assert.deepEqual(await run('model-classify', mail), { apologise: { to: 'a person', isUrgent: true } });
    assert.equal(provider.calls.length, before + 2);
    const again = await start('model-classify', mail);
    await completed(again);
    assert.equal((await stepsOf(again)).get('classify')?.['status'], 'cached');
    const [usage] = itemsOf(await api.expect(200, 'GET', '/api/v1/models/usage?group=caller'));
    assert.deepEqual([(usage?.['caller'] as Row | undefined)?.['kind'], usage?.['failed']], ['workflow', 0]);
  },
  'file-drop': async () => {
    await api.call('PUT', '/api/v1/files/inbox/rows.csv', { body: 'a,b\n1,2\n3,4\n', headers: { 'content-type': 'text/csv' } });
    assert.deepEqual(await completed(await started('file-drop', 'file:inbox')), { rows: 2 });
  },
};

test('an example says what it needs and what it is made of', async () => {
  const listed = new Map(itemsOf(await api.expect(200, 'GET', '/api/v1/examples?limit=200')).map((one) => [one['id'], one]));
  assert.deepEqual(listed.get('order-desk')?.['uses'], ['branch.if', 'approval', 'merge', 'file.write', 'trigger:webhook']);
  assert.deepEqual([listed.get('model-batch')?.['needs'], listed.get('order-desk')?.['needs']], [['a model'], []]);
  assert.match(String(listed.get('files-report')?.['uses']), /file\.read/, 'of a body, too');
});

test('every example is in this list, and has a title and one sentence', () => {
  for (const { example } of made.values()) assert.ok(example.title.length > 3 && example.summary.endsWith('.'), example.id);
  assert.deepEqual([...made.keys()].toSorted(), Object.keys(cases).toSorted());
});

for (const [id, play] of Object.entries(cases)) test(`example ${id} runs to its end`, play);

test('an example that is not there is not found', async () => {
  assert.equal((await api.call('GET', '/api/v1/examples/none')).status, 404);
});
