/** `scripts/bench models`: tokens a second and time to the first token of the llama engine asked directly, at 1, 8 and 32 clients.
 *  Options: --model FILE.gguf (default: a tiny one with random weights) --gpu cuda|vulkan --layers N --requests 4 --tokens 64 --json */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/kernel/clock.ts';
import { findLlamaPack } from '../../src/models/llama-packs.ts';
import { startLlama } from '../../src/models/llama-process.ts';
import type { RunningModel } from '../../src/models/running.ts';
import { writeTinyGguf } from '../../src/test/tiny-gguf.ts';
import { quantile } from './bench-engine-rig.ts';
import { runClients } from './bench-models-load.ts';
import { tableOf, type Measure } from './bench-table.ts';

const CLIENTS = [1, 8, 32];

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    gpu: { type: 'string' },
    layers: { type: 'string', default: '1000' },
    threads: { type: 'string', default: '1' },
    requests: { type: 'string', default: '4' },
    tokens: { type: 'string', default: '64' },
    json: { type: 'boolean', default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'studio-bench-models-'));
try {
  const path = values.model === undefined ? join(folder, 'tiny.gguf') : resolve(values.model);
  if (values.model === undefined) writeTinyGguf(path);
  const startedAt = performance.now();
  const model = await start(path);
  const measures: Measure[] = [{ name: 'start and load', unit: 'ms', values: [performance.now() - startedAt] }];
  for (const clients of CLIENTS) measures.push(...(await measure(model, clients)));
  await model.stop();
  process.stdout.write(values.json ? `${JSON.stringify(measures)}\n` : tableOf(measures));
} finally {
  rmSync(folder, { recursive: true });
}

function start(path: string): Promise<RunningModel> {
  const gpu = values.gpu === 'cuda' || values.gpu === 'vulkan' ? values.gpu : false;
  const pack = gpu === false ? undefined : findLlamaPack(process.env['WORKSPACE_PATH'] ?? '/workspace');
  const devices = gpu === false ? [] : [{ uuid: process.env['CUDA_VISIBLE_DEVICES'] ?? '0', index: 0, bytes: 0 }];
  return startLlama(
    {
      clock: systemClock,
      name: path,
      packFolder: pack?.folder,
      load: { path, gpu, contextLength: 1_024, parallel: 32, gpuLayers: Number(values.layers), threads: Number(values.threads) },
    },
    { devices, environment: {}, signal: new AbortController().signal, onProgress: () => undefined, onProcess: async () => undefined },
  );
}

async function measure({ engine }: RunningModel, clients: number): Promise<readonly Measure[]> {
  const call = { messages: [{ role: 'user', content: 'Write a long story about a lighthouse.' }], sampling: { maxTokens: Number(values.tokens) } };
  const seen = await runClients((signal) => engine.chat(call, signal), { clients, requests: Number(values.requests) });
  return [
    { name: `${clients} clients: tokens a second, all together`, unit: '1/s', values: [seen.tokensPerS] },
    { name: `${clients} clients: first token, p50`, unit: 'ms', values: [quantile(seen.firstTokenMs, 0.5)] },
    { name: `${clients} clients: first token, p99`, unit: 'ms', values: [quantile(seen.firstTokenMs, 0.99)] },
  ];
}
