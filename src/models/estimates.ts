/** Answers what a model would take of a device: of one in the catalogue from what its header said, of one that is elsewhere by reading its header alone. */
import { llamaSettings, type LlamaSettings } from '../contract/model-settings.ts';
import type { ModelEstimate } from '../contract/model-estimates.ts';
import { AppError, fail } from '../kernel/fail.ts';
import type { ModelRecord } from '../store/models.ts';
import { DownloadFault, faultOfStatus } from './download-fault.ts';
import { hubAddress, refusalOf } from './download-plan.ts';
import { estimate, fit, layerCount, type CacheType, type LoadPlan } from './estimate.ts';
import { readGguf } from './gguf-file.ts';
import { planOf } from './load-plan.ts';
import { factsOf, type ModelShape } from './gguf-shape.ts';
import { GgufError } from './gguf.ts';
import { chooseFiles, fileUrl, isModelGguf, readRepo, tokenHeader, type Hub } from './hugging-face.ts';

/** What a caller wants to know it for; the rest is chosen. */
export interface LoadWish {
  readonly context?: number | undefined;
  readonly gpuLayers?: number | undefined;
  readonly parallel?: number | undefined;
  readonly cacheType?: CacheType | undefined;
  readonly flashAttention?: boolean | undefined;
}

interface Device {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly memoryTotalBytes: number;
  readonly memoryUsedBytes: number;
}

export interface Estimates {
  /** @throws AppError conflict when nothing is known of it */
  ofModel(model: ModelRecord, wish: LoadWish): Promise<ModelEstimate>;
  /** @throws AppError invalid_query, invalid_body, upstream_failed */
  ofFile(
    at: {
      readonly repo?: string | undefined;
      readonly file?: string | undefined;
      readonly revision?: string | undefined;
      readonly url?: string | undefined;
    } & LoadWish,
    by: { readonly hub: Hub; readonly signal: AbortSignal },
  ): Promise<ModelEstimate>;
}

export interface EstimatesParts {
  readonly devices: { list(): Promise<readonly Device[]> };
}

const TIMEOUT_MS = 30_000;
/** Of a model that another engine runs, too: as if it were loaded here. */
function settingsOf(model: ModelRecord): LlamaSettings {
  return llamaSettings.safeParse(model.engine === 'llama' ? model.settings : {}).data ?? {};
}

export function createEstimates({ devices }: EstimatesParts): Estimates {
  async function answer(shape: ModelShape, settings: LlamaSettings, wish: LoadWish): Promise<ModelEstimate> {
    const usual = planOf(shape, settings);
    const plan: LoadPlan = {
      context: wish.context ?? usual.context,
      parallel: wish.parallel ?? usual.parallel,
      gpuLayers: Math.min(wish.gpuLayers ?? usual.gpuLayers, layerCount(shape)),
      cacheType: wish.cacheType ?? usual.cacheType,
      flashAttention: wish.flashAttention ?? usual.flashAttention,
    };
    const [best] = (await devices.list())
      .map((device) => ({ ...device, freeBytes: Math.max(0, device.memoryTotalBytes - device.memoryUsedBytes) }))
      .toSorted((a, b) => b.freeBytes - a.freeBytes);
    const found = fit(shape, plan, best?.freeBytes ?? 0);
    const { vram, memory } = estimate(shape, plan);
    return {
      load: plan,
      layers: layerCount(shape),
      vram,
      memory,
      device: best === undefined ? null : { index: best.index, uuid: best.uuid, name: best.name, freeBytes: best.freeBytes, totalBytes: best.memoryTotalBytes },
      fit: { ...found, message: messageOf(shape, { plan, found, device: best?.name }) },
    };
  }
  return {
    async ofModel(model, wish) {
      const shape = model.shape as unknown as ModelShape | null;
      if (shape === null)
        fail(
          'conflict',
          model.status === 'downloading'
            ? `${model.name} is still being downloaded; ask again when it is here.`
            : `Nothing is known of the layers of ${model.name}: it is no GGUF file, and has no config.json.`,
        );
      return answer(shape, settingsOf(model), wish);
    },
    async ofFile(at, { hub, signal }) {
      try {
        return await answer(await remoteShape(at, { hub, signal }), {}, at);
      } catch (error) {
        signal.throwIfAborted();
        throw error instanceof GgufError
          ? new AppError('invalid_query', { message: `The file can't be used: ${error.message}.`, cause: error })
          : refusalOf(error);
      }
    },
  };
}

function messageOf(
  shape: ModelShape,
  { plan, found, device }: { readonly plan: LoadPlan; readonly found: ReturnType<typeof fit>; readonly device: string | undefined },
): string {
  if (device === undefined) return 'There is no GPU: it runs in main memory.';
  const all = layerCount(shape);
  if (plan.gpuLayers === 0) return 'No layers are asked for on the device: it runs in main memory.';
  if (found.verdict === 'whole') return `It fits on ${device} as asked${found.context < shape.contextLength ? `; up to ${found.context} tokens would` : ''}.`;
  const shorter = found.context > 0 ? ` With ${found.context} tokens of context all of it fits.` : '';
  if (found.verdict === 'none') return `Not one layer fits into what is free on ${device} now: it would run in main memory.${shorter}`;
  return `${found.gpuLayers} of ${all} layers fit into what is free on ${device} now; the rest would run in main memory.${shorter}`;
}

type Reading = { readonly hub: Hub; readonly signal: AbortSignal };

/** Of all parts of the model: their tensors together are its weights. */
async function remoteShape(at: Parameters<Estimates['ofFile']>[0], { hub, signal }: Reading): Promise<ModelShape> {
  const asked =
    at.url === undefined
      ? { repo: at.repo, files: at.file === undefined ? undefined : [at.file], revision: at.revision }
      : (hubAddress({ url: at.url, owner: 'machine' }, hub.endpoint) ?? { url: at.url });
  const urls = 'url' in asked ? [asked.url ?? ''] : await repoUrls(asked, { hub, signal });
  const parts = await Promise.all(urls.map((url) => readHeader(url, { hub, signal })));
  const [first] = parts;
  const { shape } = first === undefined ? { shape: null } : factsOf({ ...first, tensors: parts.flatMap((part) => part.tensors) });
  return shape ?? fail('invalid_query', 'The file holds no model of layers.');
}

async function repoUrls(
  asked: { readonly repo?: string | undefined; readonly files?: readonly string[] | undefined; readonly revision?: string | undefined },
  { hub, signal }: Reading,
): Promise<readonly string[]> {
  if (asked.repo === undefined) fail('invalid_query', { message: 'Name a repo or a url.', details: { path: 'repo' } });
  const [repo = '', quantisation] = asked.repo.split(':');
  const found = await readRepo(hub, { repo, revision: asked.revision ?? 'main', signal });
  const { files } = chooseFiles(found.files, { repo, quantisation, files: asked.files });
  const ggufs = files.filter((file) => isModelGguf(file.name));
  if (ggufs.length === 0)
    fail('invalid_query', { message: `${repo} has no GGUF file here: only their headers tell what is needed.`, details: { path: 'file' } });
  return ggufs.map((file) => fileUrl(hub, { repo, commit: found.commit, name: file.name }));
}

async function readHeader(url: string, { hub, signal }: Reading): ReturnType<typeof readGguf> {
  if (!URL.canParse(url)) fail('invalid_query', { message: `url: "${url.slice(0, 200)}" is no URL.`, details: { path: 'url' } });
  const { host } = new URL(url);
  const isHub = host === new URL(hub.endpoint).host;
  const first = await readStart(url, 16, { hub, signal });
  return readGguf(async (count) => (await readStart(url, count, { hub, signal })).body, first.total);

  async function readStart(from: string, count: number, reading: Reading): Promise<{ readonly body: Buffer; readonly total: number }> {
    const reply = await reading.hub.egress.request({
      method: 'GET',
      url: from,
      headers: { ...(isHub ? tokenHeader(hub) : {}), 'accept-encoding': 'identity', range: `bytes=0-${count - 1}` },
      timeoutMs: TIMEOUT_MS,
      maxBytes: count,
      signal,
    });
    if (reply.status !== 206) {
      if (reply.status !== 200)
        throw faultOfStatus(reply.status, { host, what: 'the model', retryAfter: reply.headers['retry-after'], hasToken: isHub && hub.token !== undefined });
      throw new DownloadFault('refused', `${host} sends no parts of files: its header can't be read without all of it`);
    }
    const total = Number(/\/(\d{1,15})$/.exec(reply.headers['content-range'] ?? '')?.[1] ?? Number.NaN);
    if (Number.isNaN(total)) throw new DownloadFault('size_mismatch', `${host} does not say how long the file is`);
    return { body: reply.body, total };
  }
}
