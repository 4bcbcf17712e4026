/** Models behind a server that Studio starts for them: vLLM, llama-server, Ollama, whatever speaks as OpenAI does on a port of the loopback. It is loaded
 *  when its health path answers, watched while it runs, and ended with everything that it started. Its command is an argument list, never a shell's text. */
import { dirname, isAbsolute, join } from 'node:path';
import { serviceSettings, type ServiceSettings } from '../contract/model-settings.ts';
import { startChild, waitReady, type Child } from '../kernel/child.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/fail.ts';
import { freePort } from '../kernel/free-port.ts';
import type { ModelRecord } from '../store/models.ts';
import { createDirectSend } from './direct-send.ts';
import type { Driver } from './driver.ts';
import { createOpenAiEngine } from './openai-client.ts';
import type { RunningModel, StartOptions } from './running.ts';

export interface ServiceDriverParts {
  readonly clock: Clock;
  readonly workspacePath: string;
  readonly modelsPath: string;
  /** @param orgId null: of the machine  @returns undefined when there is no such secret */
  readSecret(orgId: string | null, name: string): Promise<string | undefined>;
}

/** Loading 70 B from a network volume takes vLLM that long. */
const START_MS = 10 * 60_000;
const ASK_MS = 100;
/** One question about health; who is busy with a token answers within this. */
const ANSWER_MS = 5_000;
const WATCH_MS = 10_000;
/** So many questions in a row without an answer: it hangs. */
const MISSES = 3;
const STOP_GRACE_MS = 10_000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/cuda/bin';
const SECRET = /\{\{\s*secrets\.([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}/g;

export function createServiceDriver(parts: ServiceDriverParts): Driver {
  return {
    options(model) {
      const settings = serviceSettings.parse(model.settings);
      const { gpus = 0, vramBytes = 0, memoryBytes = 0 } = settings;
      return [{ need: { gpus, vramBytes, memoryBytes, cpu: 0 }, start: (options) => startService(parts, { model, settings }, options) }];
    },
    takesLess: () => false,
  };
}

interface Served {
  readonly model: ModelRecord;
  readonly settings: ServiceSettings;
}

async function startService(parts: ServiceDriverParts, served: Served, options: StartOptions): Promise<RunningModel> {
  const { clock } = parts;
  const { model, settings } = served;
  const port = settings.port ?? (await freePort());
  const secrets = await readSecrets(parts, served);
  const child = await spawn(parts, served, { port, secrets, options });
  const over = new AbortController();
  const stop = async (): Promise<void> => {
    over.abort();
    await child.stop({ graceMs: STOP_GRACE_MS });
  };
  const baseUrl = `http://127.0.0.1:${port}${settings.basePath ?? '/v1'}`;
  const lines = (): readonly string[] => child.lines().map((line) => hide(line, secrets));
  try {
    await options.onProcess(child.identity);
    const isReady = (): Promise<boolean> => answers(baseUrl, port, settings);
    await waitReady(
      child,
      { name: model.name, timeoutMs: (settings.startTimeoutS ?? START_MS / 1_000) * 1_000, intervalMs: ASK_MS, signal: options.signal, probe: isReady },
      clock,
    );
  } catch (error) {
    await stop();
    throw error instanceof Error ? new Error(hide(error.message, secrets), { cause: error.cause }) : error;
  }
  const direct = createDirectSend(baseUrl);
  void child.exited.then(() => (over.abort(), direct.close()));
  void watch(child, { clock, signal: over.signal, isWell: () => answers(baseUrl, port, settings) });
  return {
    engine: createOpenAiEngine({ send: direct.send, clock, model: settings.model ?? model.name, host: `127.0.0.1:${port}` }),
    pid: child.pid,
    exited: child.exited,
    hasEnded: child.hasExited,
    lines,
    facts: { port },
    stop,
  };
}

interface Spawning {
  readonly port: number;
  readonly secrets: ReadonlyMap<string, string>;
  readonly options: StartOptions;
}

function spawn({ clock, workspacePath, modelsPath }: ServiceDriverParts, { model, settings }: Served, { port, secrets, options }: Spawning): Promise<Child> {
  const [file] = model.files;
  const values: Readonly<Record<string, string>> = {
    port: String(port),
    // A folder of safetensors is meant as a whole, a GGUF file alone.
    model: file === undefined ? '' : join(modelsPath, model.format === 'gguf' ? file.place : dirname(file.place)),
    name: settings.model ?? model.name,
  };
  const fill = (text: string): string => text.replaceAll(/\{(port|model|name)\}/g, (_whole, name: string) => values[name] ?? '');
  const [command = '', ...args] = settings.command.map(fill);
  const cwd = settings.cwd ?? workspacePath;
  const env = Object.entries(settings.env ?? {}).map(([name, text]) => [
    name,
    fill(text).replaceAll(SECRET, (_whole, secret: string) => secrets.get(secret) ?? ''),
  ]);
  return startChild(
    {
      command,
      args,
      cwd: isAbsolute(cwd) ? cwd : join(workspacePath, cwd),
      env: {
        PATH,
        LANG: 'C.UTF-8',
        HOME: workspacePath,
        PYTHONUNBUFFERED: '1',
        // Only what was granted: what is not in the ledger would fill the memory of who is.
        CUDA_VISIBLE_DEVICES: options.devices.map(({ uuid }) => uuid).join(','),
        ...Object.fromEntries(env),
        ...options.environment,
        PORT: String(port),
      },
    },
    clock,
  );
}

async function readSecrets({ readSecret }: ServiceDriverParts, { model, settings }: Served): Promise<ReadonlyMap<string, string>> {
  const names = new Set(Object.values(settings.env ?? {}).flatMap((text) => [...text.matchAll(SECRET)].map(([, name = '']) => name)));
  const found = new Map<string, string>();
  for (const name of names) {
    // Serial: a handful.
    const value = await readSecret(model.homeOrgId, name);
    if (value === undefined)
      throw new AppError('conflict', {
        message: `${model.name}: its environment names the secret ${name}, which is not there; set it under Settings, Secrets`,
      });
    found.set(name, value);
  }
  return found;
}

function hide(text: string, secrets: ReadonlyMap<string, string>): string {
  return [...secrets.values()].filter((secret) => secret.length >= 4).reduce((shown, secret) => shown.replaceAll(secret, '[redacted]'), text);
}

/** Where no path is named: vLLM and llama-server have /health, all have a list of models. */
async function answers(baseUrl: string, port: number, { healthPath }: ServiceSettings): Promise<boolean> {
  const origin = `http://127.0.0.1:${port}`;
  if (healthPath !== undefined) return (await statusOf(`${origin}${healthPath}`)) === 200;
  const status = await statusOf(`${origin}/health`);
  return status === 404 ? (await statusOf(`${baseUrl}/models`)) === 200 : status === 200;
}

/** 200 for any of 2xx; 0: no answer. */
async function statusOf(url: string): Promise<number> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'manual' });
    await response.body?.cancel();
    return response.ok ? 200 : response.status;
  } catch {
    return 0; // Nothing listens there, or nothing answers: both are no.
  }
}

/** One that hangs is ended: who asks next loads it anew. */
async function watch(
  child: Child,
  { clock, signal, isWell }: { readonly clock: Clock; readonly signal: AbortSignal; isWell(): Promise<boolean> },
): Promise<void> {
  for (let misses = 0; misses < MISSES;) {
    const isOver = await clock.sleep(WATCH_MS, signal).then(
      () => false,
      () => true,
    );
    if (isOver) return;
    misses = (await isWell()) ? 0 : misses + 1;
    if (signal.aborted) return;
  }
  await child.stop({ graceMs: 0 });
}
