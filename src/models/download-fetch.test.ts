import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { createEgress } from '../kernel/egress.ts';
import { modelServer, type Behaviour, type ModelServer } from '../test/model-server.ts';
import { DownloadFault } from './download-fault.ts';
import { fetchFile, type FetchState, type Pace } from './download-fetch.ts';
import { countBytes, type Range } from './download-ranges.ts';

const content = randomBytes(1_000_000);
const pace: Pace = { connections: 4, minPart: 64 * 1024, maxPart: 128 * 1024, stallMs: 2_000, maxFaults: 3, backoffMs: 1 };
const folder = mkdtempSync(join(tmpdir(), 'studio-fetch-'));
const path = join(folder, 'part');
let server: ModelServer;
before(async () => {
  server = await modelServer();
});
beforeEach(() => {
  server.asked.length = 0;
  server.file('/model.gguf', content);
  server.behave('/model.gguf', {});
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Options {
  readonly bytes?: number | null;
  readonly state?: FetchState;
  readonly signal?: AbortSignal;
  readonly isHashKnown?: boolean;
}

async function fetchIt(behaviour: Behaviour, options: Options = {}): Promise<FetchState> {
  server.behave('/model.gguf', behaviour);
  const state = options.state ?? { bytes: options.bytes === undefined ? content.length : options.bytes, validator: null, done: [] };
  const handle = await open(path, options.state === undefined ? 'w+' : 'r+');
  try {
    await fetchFile(
      {
        url: `${server.url}/model.gguf`,
        headers: {},
        what: 'model.gguf',
        hasToken: false,
        isHashKnown: options.isHashKnown ?? false,
        handle,
        state,
        signal: options.signal ?? new AbortController().signal,
      },
      { egress: createEgress({ allowedHosts: async () => [server.host] }), clock: systemClock, pace },
    );
  } finally {
    await handle.close();
  }
  return state;
}

const isFault =
  (code: string, words?: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof DownloadFault, String(error));
    assert.equal(error.code, code, error.message);
    if (words !== undefined) assert.match(error.message, words);
    return true;
  };

test('a file comes in parts, several at once, each byte where it belongs', async () => {
  const state = await fetchIt({ bytesPerS: 2_000_000 });
  assert.deepEqual(readFileSync(path), content);
  assert.deepEqual(state.done, [[0, content.length]]);
  const ranges = server.asked.map((one) => one.range);
  assert.ok(ranges.length >= content.length / pace.maxPart && ranges.every((range) => range !== undefined));
  assert.equal(new Set(ranges).size, ranges.length);
});

test('a file whose length nobody knew, one without ranges, and one without either', async () => {
  for (const behaviour of [{}, { ignoresRange: true }, { ignoresRange: true, hidesLength: true }]) {
    const state = await fetchIt(behaviour, { bytes: null });
    assert.deepEqual(readFileSync(path), content);
    assert.equal(state.bytes, content.length);
  }
});

test('an empty file is a file', async () => {
  server.file('/model.gguf', Buffer.alloc(0));
  assert.equal((await fetchIt({}, { bytes: null })).bytes, 0);
  assert.equal((await fetchIt({}, { bytes: 0 })).bytes, 0);
});

test('a line that breaks again and again is taken up where it broke: nothing comes twice', async () => {
  const state = await fetchIt({ cutsAfter: 50_000 });
  assert.deepEqual(readFileSync(path), content);
  assert.equal(countBytes(state.done), content.length);
  const starts = server.asked.map((one) => Number(/\d+/.exec(one.range ?? '')?.[0]));
  assert.equal(new Set(starts).size, starts.length);
});

test('what came before a stop is not asked for again', async () => {
  const stop = new AbortController();
  const state: FetchState = { bytes: content.length, validator: null, done: [] };
  const first = fetchIt({ bytesPerS: 400_000 }, { signal: stop.signal });
  while (server.asked.length < 2) await systemClock.sleep(20);
  await systemClock.sleep(100);
  stop.abort(new Error('paused'));
  await assert.rejects(first, /paused/);
  const half = readFileSync(path);
  const had: Range = [0, 200_000];
  const handle = await open(path, 'w+');
  await handle.write(content, 0, 200_000, 0);
  await handle.close();
  assert.ok(half.length > 0);
  server.asked.length = 0;
  state.done = [had];
  await fetchIt({}, { state });
  assert.deepEqual(readFileSync(path), content);
  assert.ok(server.asked.every((one) => Number(/\d+/.exec(one.range ?? '')?.[0]) >= 200_000));
});

test('a server that knew ranges and forgets them after a restart sends all of it again', async () => {
  const state: FetchState = { bytes: content.length, validator: null, done: [[0, 200_000]] };
  const handle = await open(path, 'w+');
  await handle.close();
  await fetchIt({ ignoresRange: true }, { state });
  assert.deepEqual(readFileSync(path), content);
});

test('faults that pass are waited out; those that stay are named after some tries', async () => {
  await fetchIt({ status: 500, times: 2 });
  assert.deepEqual(readFileSync(path), content);
  await fetchIt({ status: 429, times: 1, retryAfterS: 0 });
  await assert.rejects(fetchIt({ status: 503 }), isFault('unreachable', /503.*given up after 3 tries/));
  await assert.rejects(fetchIt({ status: 429 }), isFault('rate_limited'));
  assert.equal(server.asked.filter((one) => one.range === 'bytes=0-131071').length > 0, true);
});

test('refusals end it at once, with what to do', async () => {
  for (const [status, code, words] of [
    [401, 'denied', /HF_TOKEN/],
    [403, 'denied', /HF_TOKEN/],
    [404, 'not_found', /spelling/],
    [418, 'refused', /418/],
  ] as const) {
    server.asked.length = 0;
    await assert.rejects(fetchIt({ status }), isFault(code, words));
    assert.equal(server.asked.length, 1);
  }
});

test('a web page is no model, whatever it is called', async () => {
  await assert.rejects(fetchIt({ html: 'typed' }, { bytes: null }), isFault('html_page'));
  await assert.rejects(fetchIt({ html: 'untyped' }, { bytes: null }), isFault('html_page'));
});

test('a size that is not the one that was said is refused; a file that ends early is given up after some tries', async () => {
  await assert.rejects(fetchIt({}, { bytes: content.length + 5 }), isFault('size_mismatch', /should have 1000005 bytes.*says 1000000/));
  await assert.rejects(fetchIt({ liesBy: 5_000 }, { bytes: null }), isFault('unreachable', /given up/));
});

test('a file that changes between its parts is begun anew, once', async () => {
  await fetchIt({ changesAt: 4 });
  assert.deepEqual(readFileSync(path), Buffer.from(content.map((byte) => byte ^ 1)));
});

test('a server that never answers, or falls silent, is given up', async () => {
  await assert.rejects(fetchIt({ isSilent: true }), isFault('unreachable', /given up after 3 tries/));
});

test('addresses of this machine are refused where nobody allowed them', async () => {
  const handle = await open(path, 'w+');
  const state: FetchState = { bytes: null, validator: null, done: [] };
  const request = {
    url: `${server.url}/model.gguf`,
    headers: {},
    what: 'model.gguf',
    hasToken: false,
    isHashKnown: false,
    handle,
    state,
    signal: new AbortController().signal,
  };
  await assert.rejects(
    fetchFile(request, { egress: createEgress({ allowedHosts: async () => [] }), clock: systemClock, pace }),
    isFault('refused', /not a public address/),
  );
  await handle.close();
  assert.equal(server.asked.length, 0);
});
