/** `/v1`: the gateway to models for clients of the OpenAI API, and what was used of it. */
import { gatewayEndpoints } from '../../contract/gateway.ts';
import { modelUsageEndpoints } from '../../contract/model-usage.ts';
import type { Caller } from '../../contract/caller.ts';
import type { Settings } from '../../contract/settings.ts';
import { AppError } from '../../kernel/fail.ts';
import type { Embedded, ListedModel } from '../../models/engine.ts';
import type { Answer, Gateway, GatewayCaller } from '../../models/gateway.ts';
import { sumModelUsage } from '../../store/model-usage.ts';
import type { SqlPool } from '../../store/client.ts';
import { routesOf, type Call, type JsonReply, type Route } from '../route.ts';

export interface GatewayRouteParts {
  readonly gateway: Gateway;
  readonly settings: { of(orgId: string): Promise<Settings> };
  readonly sql: SqlPool;
  /** Writes what is counted, so that who asks for it sees it. */
  readonly flushUsage: () => Promise<void>;
  /** Begins to tell of a call in a trace. @returns who hears of its end */
  readonly trace?: ((asked: { readonly operation: Operation; readonly asked: string; readonly orgId: string }) => GatewayCaller['observe']) | undefined;
}

type Operation = 'chat' | 'text_completion' | 'embeddings';

/** Of the loads that people cause: before those of workflows in the background. */
const PRIORITY = 60;

export function gatewayRoutes({ gateway, settings, sql, flushUsage, trace }: GatewayRouteParts): readonly Route[] {
  const callerOf = async (call: Call, operation: Operation, asked: string): Promise<GatewayCaller> => {
    const { visibleModels, modelLimits, modelAliases } = await settings.of(call.caller.orgId);
    return {
      orgId: call.caller.orgId,
      caller: call.caller.keyId ?? call.caller.userId,
      limits: [...keyLimits(call.caller), { id: call.caller.orgId, who: 'your organisation', limits: modelLimits }],
      visible: visibleModels,
      aliases: modelAliases,
      priority: PRIORITY,
      requestId: call.requestId,
      signal: call.signal,
      observe: trace?.({ operation, asked, orgId: call.caller.orgId }),
    };
  };
  const listed = async (call: Call): Promise<readonly ListedModel[]> => {
    const { visibleModels, modelAliases } = await settings.of(call.caller.orgId);
    return gateway.list({ orgId: call.caller.orgId, visible: visibleModels, aliases: modelAliases });
  };
  return [
    ...routesOf(gatewayEndpoints, {
      'GET /v1/models': async (call) => ({ body: { object: 'list' as const, data: (await listed(call)).map(shown) } }),
      'GET /v1/models/{id+}': async (call) => {
        const model = (await listed(call)).find(({ id }) => id === call.params.id);
        if (model === undefined)
          throw new AppError('model_not_found', { message: `There is no model "${call.params.id}". GET /v1/models lists those that can be asked.` });
        return { body: shown(model) };
      },
      'POST /v1/chat/completions': (call) =>
        answered(call, async () => gateway.chat(call.body, await callerOf(call as unknown as Call, 'chat', call.body.model))),
      'POST /v1/completions': (call) =>
        answered(call, async () => gateway.complete(call.body, await callerOf(call as unknown as Call, 'text_completion', call.body.model))),
      'POST /v1/embeddings': (call) =>
        answered(call, async () => {
          const { headers, reply } = await gateway.embed(call.body, await callerOf(call as unknown as Call, 'embeddings', call.body.model));
          return { headers, reply: embeddingsOf(reply, call.body) };
        }),
    }),
    ...routesOf(modelUsageEndpoints, {
      'GET /api/v1/models/usage': async (call) => {
        await flushUsage();
        return { body: { items: await sumModelUsage(sql, { orgId: call.caller.orgId, ...call.query }), cursor: await call.cursor() } };
      },
    }),
  ];
}

function keyLimits({ keyId, modelLimits }: Caller): GatewayCaller['limits'] {
  return keyId === null || modelLimits === undefined ? [] : [{ id: keyId, who: 'this API key', limits: modelLimits }];
}

function shown({ id, createdAtMs, ownedBy, contextTokens }: ListedModel): {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
  readonly max_model_len?: number;
} {
  return {
    id,
    object: 'model',
    created: Math.floor(createdAtMs / 1_000),
    owned_by: ownedBy,
    ...(contextTokens === undefined ? {} : { max_model_len: contextTokens }),
  };
}

async function answered<Reply>(
  call: { readonly signal: AbortSignal },
  work: () => Promise<Answer<Reply>>,
): Promise<Response | { body: Reply; headers: Answer<Reply>['headers'] }> {
  try {
    const { headers, reply } = await work();
    if (!(reply instanceof ReadableStream)) return { body: reply, headers };
    return new Response(reply, {
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no', ...headers },
    });
  } catch (error) {
    // Nobody reads it: 499 is what proxies write of a caller that left.
    if (call.signal.aborted) return new Response(null, { status: 499 });
    throw error;
  }
}

type EmbeddingReply = JsonReply<Extract<(typeof gatewayEndpoints)[number], { readonly key: 'POST /v1/embeddings' }>>['body'];

function embeddingsOf(
  { vectors, usage }: Embedded,
  { model, encoding_format: format }: { readonly model: string; readonly encoding_format?: 'float' | 'base64' | null | undefined },
): EmbeddingReply {
  return {
    object: 'list',
    model,
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: format === 'base64' ? base64Of(vector) : [...vector] })),
    usage: { prompt_tokens: usage.promptTokens, total_tokens: usage.promptTokens },
  };
}

/** Little-endian 32-bit floats: what the client of OpenAI asks for by itself. */
function base64Of(vector: readonly number[]): string {
  return Buffer.from(Float32Array.from(vector).buffer).toString('base64');
}
