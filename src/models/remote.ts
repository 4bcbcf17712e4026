/** Models of providers elsewhere: OpenAI-compatible servers, Anthropic, Gemini. Goes out under the rules and with the secrets of the org that
 *  named the model (kernel/egress decides on each address); a key is read when it is sent and stands in no message.
 *  One thing to know: models with the same servers and key share their backends, so that faults are learnt once. */
import type { RemoteSettings } from '../contract/model-settings.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Egress } from '../kernel/egress.ts';
import { EgressError } from '../kernel/egress-error.ts';
import { createAnthropicEngine } from './anthropic-client.ts';
import { createBackends, type Backends, type BackendState } from './backends.ts';
import type { ModelEngine } from './engine.ts';
import { createGeminiEngine } from './gemini-client.ts';
import { createOpenAiEngine } from './openai-client.ts';
import { faultOf, readJson, UpstreamError, type UpstreamReply, type UpstreamRequest } from './upstream.ts';
import type { ClientParts } from './upstream-stream.ts';

/** A provider's model as the catalogue has it. */
export interface RemoteModel {
  /** The org whose rules and secrets hold. */
  readonly orgId: string;
  readonly settings: RemoteSettings;
}

export interface RemoteParts {
  readonly egressOf: (orgId: string) => Pick<Egress, 'open'>;
  readonly secrets: { read(orgId: string, name: string): Promise<string | undefined> };
  readonly clock: Clock;
  readonly random: () => number;
}

export interface RemoteEngines {
  /** @param upstreamModel the provider's name of it, where the settings leave it open (`*`) */
  engineOf(model: RemoteModel, upstreamModel?: string): ModelEngine;
  /** What the provider has; remembered for 5 min. Empty while it does not answer within 3 s. */
  modelsOf(model: RemoteModel): Promise<readonly string[]>;
  backendsOf(model: RemoteModel): readonly BackendState[];
  stop(): void;
}

const DEFAULT_URLS = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
  gemini: 'https://generativelanguage.googleapis.com/v1beta',
} as const;
const CLIENTS = { openai: createOpenAiEngine, anthropic: createAnthropicEngine, gemini: createGeminiEngine } as const;

const REMEMBERED_MS = 5 * 60_000;
const LIST_MS = 3_000;
/** Head of an answer: engines have limits of their own, shorter ones. */
const HEAD_MS = 30 * 60_000;

interface Provider {
  readonly backends: Backends;
  models: { readonly names: readonly string[]; readonly readAtMs: number } | undefined;
}

export function createRemoteEngines(parts: RemoteParts): RemoteEngines {
  const providers = new Map<string, Provider>();
  const providerOf = (model: RemoteModel): Provider => {
    const { kind, secret } = model.settings;
    const urls = urlsOf(model.settings);
    const key = JSON.stringify([model.orgId, kind, urls, secret]);
    const known = providers.get(key);
    if (known !== undefined) return known;
    const exchange = (url: string, request: UpstreamRequest): Promise<UpstreamReply> => exchangeWith(parts, model, url, request);
    const made: Provider = { backends: createBackends({ urls, exchange, probePath: '/models', clock: parts.clock, random: parts.random }), models: undefined };
    providers.set(key, made);
    return made;
  };
  return {
    engineOf(model, upstreamModel = model.settings.model) {
      const client: ClientParts = {
        send: providerOf(model).backends.send,
        clock: parts.clock,
        model: upstreamModel,
        host: new URL(urlsOf(model.settings)[0] ?? DEFAULT_URLS[model.settings.kind]).host,
      };
      return CLIENTS[model.settings.kind](client);
    },
    async modelsOf(model) {
      const provider = providerOf(model);
      const now = parts.clock.monotonic();
      if (provider.models !== undefined && now - provider.models.readAtMs < REMEMBERED_MS) return provider.models.names;
      const names = await listModels(provider.backends).catch(() => undefined);
      // A failure is remembered, too: a list must not wait for it each time.
      provider.models = { names: names ?? provider.models?.names ?? [], readAtMs: names === undefined ? now - REMEMBERED_MS + CHECK_AGAIN_MS : now };
      return provider.models.names;
    },
    backendsOf: (model) => providerOf(model).backends.states(),
    stop() {
      for (const { backends } of providers.values()) backends.stop();
    },
  };
}

const CHECK_AGAIN_MS = 30_000;

/** Where a remote model is asked. */
export function urlsOf({ kind, baseUrl, baseUrls }: RemoteSettings): readonly string[] {
  const given = baseUrls ?? (baseUrl === undefined ? [] : [baseUrl]);
  return (given.length === 0 ? [DEFAULT_URLS[kind]] : given).map((url) => url.replace(/\/+$/, ''));
}

async function exchangeWith(parts: RemoteParts, { orgId, settings }: RemoteModel, url: string, request: UpstreamRequest): Promise<UpstreamReply> {
  const key = settings.secret === undefined ? undefined : await parts.secrets.read(orgId, settings.secret);
  if (settings.secret !== undefined && key === undefined)
    throw new UpstreamError('denied', `its key is the secret "${settings.secret}", which is not set; an administrator sets it under Settings, Secrets`);
  const { host } = new URL(url);
  try {
    const reply = await parts.egressOf(orgId).open({
      method: request.method,
      url: `${url}${request.path}`,
      headers: { ...keyHeaders(settings.kind, key), ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      timeoutMs: HEAD_MS,
      signal: request.signal,
    });
    if (reply.status >= 200 && reply.status < 300) return reply;
    throw await faultOf(reply, host);
  } catch (error) {
    throw withoutKey(upstreamErrorOf(error, host), key);
  }
}

function keyHeaders(kind: RemoteSettings['kind'], key: string | undefined): Record<string, string> {
  // The version of Anthropic's API that anthropic-client.ts speaks.
  const version: Record<string, string> = kind === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {};
  if (key === undefined) return version;
  if (kind === 'anthropic') return { ...version, 'x-api-key': key };
  return kind === 'gemini' ? { 'x-goog-api-key': key } : { authorization: `Bearer ${key}` };
}

function upstreamErrorOf(error: unknown, host: string): unknown {
  if (!(error instanceof EgressError)) return error;
  // Asking again would be refused again.
  return new UpstreamError(
    error.code === 'egress_refused' ? 'denied' : 'unreachable',
    error.code === 'egress_refused' ? error.message : `${host}: ${error.message}`,
    {
      cause: error,
    },
  );
}

/** Some servers repeat the key they refuse. */
function withoutKey(error: unknown, key: string | undefined): unknown {
  if (!(error instanceof UpstreamError) || key === undefined || !error.message.includes(key)) return error;
  return new UpstreamError(error.fault, error.message.replaceAll(key, '***'), { status: error.status, retryAfterMs: error.retryAfterMs });
}

/** `{ data: [{ id }] }`, or Gemini's `{ models: [{ name: "models/…" }] }`. */
async function listModels({ send }: Backends): Promise<readonly string[]> {
  const answer = (await readJson(await send({ method: 'GET', path: '/models', headers: {}, signal: AbortSignal.timeout(LIST_MS) }))) as {
    readonly data?: readonly { readonly id?: unknown }[];
    readonly models?: readonly { readonly name?: unknown }[];
  } | null;
  const names = [...(answer?.data ?? []).map(({ id }) => id), ...(answer?.models ?? []).map(({ name }) => name)];
  return names
    .filter((name) => typeof name === 'string')
    .map((name) => name.replace(/^models\//, ''))
    .toSorted();
}
