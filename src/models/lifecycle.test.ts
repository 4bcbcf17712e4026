import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { isAlive } from '../kernel/process-identity.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { endless, MODELS_ORG, modelsHarness, textOf, type ModelsHarness } from '../test/models-harness.ts';
import type { ModelRecord } from '../store/models.ts';

let harness: ModelsHarness;
let tiny: ModelRecord;
const never = new AbortController().signal;

before(async () => {
  harness = await modelsHarness();
  tiny = await harness.add('tiny');
});
after(() => harness.close());

/** Never 0: that would be this process and all beside it. */
function pidOf(model: ModelRecord): number {
  const { pid } = harness.life.runtime(model);
  assert.ok(pid !== undefined, `${model.name} is not loaded`);
  return pid;
}

test('a model is loaded by its first request, once for all who ask, and each hears how far it is', async () => {
  const heard: string[] = [];
  const answers = await Promise.all(Array.from({ length: 6 }, () => harness.ask('tiny', { onWait: ({ message }) => void heard.push(message) })));
  assert.equal(new Set(answers).size, 1);
  assert.ok((answers[0] ?? '').length > 0);
  assert.ok(heard.some((message) => /loading/.test(message)));
  await harness.until(async () => (await harness.eventsOf(tiny)).length === 3);
  assert.deepEqual(await harness.eventsOf(tiny), ['changed', 'loading', 'loaded']);
  const runtime = harness.life.runtime(tiny);
  assert.equal(runtime.state, 'loaded');
  assert.equal(runtime.inUse, 0);
  assert.ok(runtime.unloadsAt !== undefined && runtime.idleSince !== undefined);
  const [figures] = harness.life.figures();
  assert.equal(figures?.loads, 1);
  assert.equal(figures?.completionTokens, 48);
});

test('the ledger knows who holds it, and that nobody uses it', async () => {
  await harness.ask('tiny');
  const [lease] = harness.ledger.held();
  assert.equal(lease?.tenantId, tiny.id);
  assert.equal(harness.ledger.processes.get(lease?.id ?? '')?.pid, pidOf(tiny));
  assert.equal(harness.ledger.isIdle(tiny.id), true);
  await harness.use('tiny', async (engine) => {
    assert.equal(harness.ledger.isIdle(tiny.id), false);
    await textOf(engine.chat({ ...endless, sampling: { maxTokens: 2 } }, never));
  });
  assert.equal(harness.ledger.isIdle(tiny.id), true);
});

test('a killed engine fails its requests with the reason, is remembered, and is there again for the next one', async () => {
  await harness.ask('tiny');
  const before = pidOf(tiny);
  const answer = harness.ask('tiny', { maxTokens: 100_000 });
  await harness.until(() => harness.life.runtime(tiny).inUse === 1);
  process.kill(before, 'SIGKILL');
  await assert.rejects(answer, { code: 'model_unavailable', message: /SIGKILL/ });
  assert.ok((await harness.ask('tiny')).length > 0);
  assert.notEqual(pidOf(tiny), before);
  const [exit] = harness.life.runtime(tiny).exits ?? [];
  assert.match(exit?.how ?? '', /SIGKILL/);
  await harness.until(async () => (await harness.eventsOf(tiny)).includes('failed'));
  assert.equal(harness.ledger.held().length, 1);
});

test('evicted again and again under load, it drains and comes back, and no request is lost', async () => {
  let isOver = false;
  const evictions = (async () => {
    // Serial: one eviction after the other.
    while (!isOver) {
      await harness.until(() => isOver || harness.life.runtime(tiny).inUse > 0);
      await systemClock.sleep(20);
      await harness.ledger.evict(tiny.id);
    }
  })();
  const answers = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const texts: string[] = [];
      // Serial: each client asks one question after the other.
      for (let index = 0; index < 4; index++) texts.push(await harness.ask('tiny', { maxTokens: 16 }));
      return texts;
    }),
  );
  isOver = true;
  await evictions;
  assert.equal(answers.flat().length, 24);
  assert.ok(answers.flat().every((text) => text === answers[0]?.[0]));
  assert.ok((harness.life.figures().find(({ name }) => name === 'tiny')?.evictions ?? 0) > 0);
  assert.equal(harness.ledger.held().length <= 1, true);
});

test('two models that do not fit together take turns, and each answers', async () => {
  const small = await modelsHarness({ totalBytes: 150_000_000 });
  try {
    const [a, b] = [await small.add('a'), await small.add('b')];
    const first = await small.ask('a');
    const size = 150_000_000 - small.ledger.free();
    assert.ok(size > 75_000_000, `a takes ${size} bytes: too few for this test`);
    await small.ask('b');
    await small.until(() => small.life.runtime(a).state === 'unloaded');
    assert.equal(small.life.runtime(b).state, 'loaded');
    assert.equal(await small.ask('a'), first);
  } finally {
    await small.close();
  }
});

test('what can never fit is refused with the largest that could, and a wait for memory ends with its caller', async () => {
  const small = await modelsHarness({ totalBytes: 150_000_000 });
  try {
    await small.add('large', { settings: { contextLength: 524_288 }, tiny: { contextLength: 524_288 } });
    await assert.rejects(small.ask('large'), { code: 'unsatisfiable', message: /150000000/ });
    const holder = await small.add('holder', { pinned: true });
    await small.ask('holder');
    const waiter = await small.add('waiter');
    const gone = new AbortController();
    const heard: string[] = [];
    const waiting = small.ask('waiter', { signal: gone.signal, onWait: ({ message }) => void heard.push(message) });
    await small.until(() => small.life.runtime(waiter).state === 'waiting' && heard.some((message) => /bytes are free/.test(message)));
    gone.abort(new Error('the caller left'));
    await assert.rejects(waiting, /the caller left/);
    await small.until(() => small.life.runtime(waiter).state === 'unloaded');
    // Not pinned any more, it gives way.
    await small.life.pin(holder.id, false, 'req_1');
    assert.ok((await small.ask('waiter')).length > 0);
  } finally {
    await small.close();
  }
});

test('nobody asks for its ttl: it is unloaded; a pinned one stays, whatever the time', async () => {
  const clock = fakeClock();
  const timed = await modelsHarness({ clock });
  try {
    const brief = await timed.add('brief', { ttlS: 120 });
    const pinned = await timed.add('pinned', { ttlS: 1, pinned: true });
    await Promise.all([timed.ask('brief'), timed.ask('pinned')]);
    await clock.advance(119_000);
    assert.equal(timed.life.runtime(brief).state, 'loaded');
    await timed.ask('brief');
    await clock.advance(119_000);
    assert.equal(timed.life.runtime(brief).state, 'loaded');
    await clock.advance(2_000);
    await timed.until(() => timed.life.runtime(brief).state === 'unloaded');
    assert.equal(timed.life.runtime(pinned).state, 'loaded');
    assert.deepEqual(
      timed.ledger.held().map(({ tenantId }) => tenantId),
      [pinned.id],
    );
    await timed.until(async () => (await timed.eventsOf(brief)).at(-1) === 'unloaded');
  } finally {
    await timed.close();
  }
});

test('a broken file is refused with the reason of the engine; after the second time for a while; loading by hand tries at once', async () => {
  const broken = await harness.add('broken');
  truncateSync(join(harness.workspacePath, 'models', 'broken.gguf'), 4_000);
  const free = harness.ledger.free();
  await assert.rejects(harness.ask('broken'), (error) => error instanceof Error && error.message.length > 10);
  await assert.rejects(harness.ask('broken'));
  await assert.rejects(harness.ask('broken'), { code: 'model_unavailable', message: /failed 2 times in a row/ });
  assert.equal(harness.life.runtime(broken).state, 'failed');
  assert.ok((harness.life.runtime(broken).error ?? '').length > 10);
  await assert.rejects(harness.life.load(broken, { priority: 50, signal: never }), (error) => !/in a row/.test(String(error)));
  assert.equal(harness.ledger.free(), free);
  await harness.until(async () => (await harness.eventsOf(broken)).filter((type) => type === 'failed').length === 3);
});

test('loaded by hand it waits for its first request; unloaded by hand it lets who uses it finish', async () => {
  const manual = await harness.add('manual', { ttlS: 0 });
  await harness.life.load(manual, { priority: 50, signal: never });
  assert.equal(harness.life.runtime(manual).state, 'loaded');
  const answer = harness.ask('manual', { maxTokens: 200 });
  await harness.until(() => harness.life.runtime(manual).inUse === 1);
  await harness.life.unload(manual.id, { reason: 'a person unloads it', drainMs: 60_000 });
  assert.ok((await answer).length > 100);
  assert.equal(harness.life.runtime(manual).state, 'unloaded');
  // Without a moment to finish, who uses it hears why.
  const cut = harness.ask('manual', { maxTokens: 100_000 });
  await harness.until(() => harness.life.runtime(manual).inUse === 1);
  await harness.life.unload(manual.id, { reason: 'a person unloads it', drainMs: 0 });
  await assert.rejects(cut, { code: 'model_unavailable', message: /a person unloads it/ });
});

test('a load that is unloaded ends, and nothing of it is left', async () => {
  const hasty = await harness.add('hasty');
  const answer = harness.ask('hasty');
  await harness.until(() => harness.life.runtime(hasty).state === 'loading' && harness.processes.has(hasty.id));
  const [unloaded] = await Promise.all([harness.life.unload(hasty.id, { reason: 'no', drainMs: 0 }), assert.rejects(answer, { code: 'conflict' })]);
  assert.equal(unloaded, undefined);
  const process = harness.processes.get(hasty.id);
  assert.ok(process !== undefined && !isAlive(process));
  assert.equal(harness.ledger.find(hasty.id), undefined);
});

test('an unknown name is refused with the nearest; an org has its own before the machine, and no other org sees it', async () => {
  await assert.rejects(harness.ask('tiny2'), { code: 'model_not_found', message: /did you mean "tiny"/ });
  await harness.add('own', { orgId: MODELS_ORG });
  assert.ok((await harness.life.list(MODELS_ORG)).some(({ id }) => id === 'own'));
  assert.ok(!(await harness.life.list('org_other')).some(({ id }) => id === 'own'));
  await assert.rejects(harness.ask('own', { orgId: 'org_other' }), { code: 'model_not_found' });
});

test('what an earlier Studio left is ended and its lease given back before anything is loaded', async () => {
  const left = await harness.add('left');
  await harness.ask('left');
  const process = harness.processes.get(left.id);
  assert.ok(process !== undefined && isAlive(process));
  await harness.restart();
  assert.equal(isAlive(process), false);
  assert.equal(harness.ledger.find(left.id), undefined);
  assert.ok((await harness.ask('left')).length > 0);
});

test('a service is started with its port, answers as OpenAI does, and is ended with everything it started', async () => {
  const script = `import('${new URL('../test/fake-openai.ts', import.meta.url).href}').then((fake) => fake.startFakeOpenAi(['served'], Number(process.argv[1])))`;
  const service = await harness.add('served', {
    engine: 'service',
    settings: { command: [process.execPath, '-e', script, '{port}'], env: { TOKEN: '{{ secrets.KEY }}' }, healthPath: '/v1/models' },
  });
  assert.equal(await harness.ask('served', { maxTokens: 100 }), 'You said: hello');
  const pid = pidOf(service);
  const answer = harness.use('served', async (engine) => {
    process.kill(pid, 'SIGKILL');
    return textOf(engine.chat(endless, never));
  });
  await assert.rejects(answer, { code: 'model_unavailable', message: /SIGKILL/ });
  assert.equal(await harness.ask('served', { maxTokens: 100 }), 'You said: hello');
  await harness.life.unload(service.id, { reason: 'enough', drainMs: 0 });
  assert.equal(harness.life.runtime(service).state, 'unloaded');
});

test('a service that ends, never answers or lacks a secret is refused with its last words', async () => {
  const failing = (name: string, settings: Record<string, never> | object): Promise<ModelRecord> =>
    harness.add(name, { engine: 'service', settings: settings as Record<string, never> });
  await failing('ends', { command: [process.execPath, '-e', 'console.error("no such card"); process.exit(3)'] });
  await assert.rejects(harness.ask('ends'), /exit code 3.*no such card/);
  await failing('silent', { command: [process.execPath, '-e', 'setInterval(() => 0, 1000)'], startTimeoutS: 1 });
  await assert.rejects(harness.ask('silent'), /not ready within 1000 ms/);
  await failing('secretless', { command: ['true'], env: { A: '{{ secrets.NONE }}' } });
  await assert.rejects(harness.ask('secretless'), { code: 'conflict', message: /NONE/ });
});
