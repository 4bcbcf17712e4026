import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindWords, progressWords, stateWords, whyWords } from './model-words.ts';
import type { Download } from '../../../src/contract/model-downloads.ts';
import type { Model } from '../../../src/contract/models.ts';

const at = '2026-01-01T00:00:00.000Z';
const model: Model = {
  ...{ id: 'mdl_1', name: 'tiny', engine: 'llama', owner: 'machine', status: 'ready', format: 'gguf', architecture: 'llama', quantisation: 'Q4_K_M' },
  ...{ parameters: 8_200_000_000, contextLength: 8_192, bytes: 5_000_000_000, pinned: false, ttlS: null, downloadId: null, createdAt: at, updatedAt: at },
  runtime: { state: 'unloaded', devices: [], inUse: 0, waiting: 0 },
};
const download: Download = {
  ...{ id: 'dl_1', modelId: 'mdl_1', modelName: 'tiny', owner: 'machine', status: 'running', source: { kind: 'none' }, files: [] },
  ...{ bytesDone: 500_000_000, bytesTotal: 1_000_000_000, rate: 50_000_000, leftMs: 10_000, createdAt: at, startedAt: at, endedAt: null, seq: 1 },
};

test('the chip tells of the files first, then of what the model does', () => {
  assert.equal(stateWords({ ...model, status: 'downloading' }).word, 'Downloading');
  assert.equal(stateWords({ ...model, status: 'broken' }).word, 'Broken');
  assert.equal(stateWords({ ...model, runtime: { ...model.runtime, state: 'loaded' } }).word, 'Loaded');
});

test('why says the fault, the wait, or where it lies and who uses it', () => {
  assert.equal(whyWords({ ...model, fault: 'gone' }, 0), 'gone');
  assert.equal(
    whyWords({ ...model, runtime: { ...model.runtime, state: 'waiting', waitReason: { kind: 'gpu', message: 'job_1 holds the GPU' } } }, 0),
    'job_1 holds the GPU',
  );
  const loaded = { ...model.runtime, state: 'loaded', inUse: 2 } as const;
  assert.match(whyWords({ ...model, runtime: { ...loaded, devices: [{ index: 0, uuid: 'GPU-1', bytes: 2 ** 30 }] } }, 0), /^GPU 0, .*, 2 in use$/);
  assert.equal(whyWords({ ...model, runtime: loaded }, 0), 'main memory, 2 in use');
  const load = { contextLength: 8_192, wantedContextLength: 8_192, parallel: 4, gpuLayers: 18, layers: 33, isFull: false, message: '18 of 33 layers on GPU 0' };
  assert.equal(whyWords({ ...model, runtime: { ...loaded, load } }, 0), '18 of 33 layers on GPU 0, 2 in use');
});

test('sizes and progress are said as people say them', () => {
  assert.equal(kindWords(model), '8.2B · Q4_K_M');
  assert.match(progressWords(download), /^\S+ \S+ of \S+ \S+, \S+ \S+\/s, 10 s left$/);
  assert.match(progressWords({ ...download, status: 'paused' }), /kept/);
  assert.equal(progressWords({ ...download, status: 'failed', error: { code: 'denied', message: 'no' } }), 'no');
});
