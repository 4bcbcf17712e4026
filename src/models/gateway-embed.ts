/** Embeddings through the gateway: one call, one answer, admitted and counted as all calls are. */
import type { EmbeddingRequest } from '../contract/gateway.ts';
import { fail } from '../kernel/fail.ts';
import type { Embedded } from './engine.ts';
import type { EmbedAnswer, GatewayCaller, GatewayParts } from './gateway.ts';
import { tokensOf } from './gateway-common.ts';
import { isUnknownModel, realName } from './gateway-names.ts';
import { publicFault } from './upstream-fault.ts';

export async function embed(
  parts: GatewayParts,
  { model, input, dimensions }: Pick<EmbeddingRequest, 'model' | 'input' | 'dimensions'>,
  by: GatewayCaller,
  onWait?: (message: string) => void,
): Promise<EmbedAnswer> {
  const texts = typeof input === 'string' ? [input] : input;
  const estimate = tokensOf(texts.reduce((sum, text) => sum + text.length, 0));
  const name = await realName(parts.models, model, by);
  const admission = await parts.limits.admit(by.limits, estimate);
  const { orgId, caller, priority, signal } = by;
  let promptTokens = 0;
  let isWhole = false;
  let isKnown = true;
  let fault: unknown;
  try {
    const reply = await parts.models.use(name, { orgId, priority, signal, onWait: ({ message }) => onWait?.(message) }, (engine) =>
      engine.embed(texts, signal, { dimensions: dimensions ?? undefined }),
    );
    promptTokens = reply.usage.promptTokens > 0 ? reply.usage.promptTokens : estimate;
    requireDimensions(reply, dimensions ?? undefined, model);
    isWhole = true;
    return { headers: admission.headers, reply: { vectors: reply.vectors, usage: { promptTokens, completionTokens: 0 } } };
  } catch (error) {
    isKnown = !isUnknownModel(error);
    throw (fault = publicFault(error, name));
  } finally {
    admission.end(promptTokens);
    if (isKnown) parts.usage.add({ orgId, model: name, caller, promptTokens, completionTokens: 0, isFailed: !isWhole });
    by.observe?.({ model: name, promptTokens, completionTokens: 0, ...(isWhole ? {} : { error: fault }) });
  }
}

/** @throws AppError invalid_body: vectors are never cut here, what is left of one says nothing unless the model was trained for it */
function requireDimensions({ vectors }: Embedded, wanted: number | undefined, model: string): void {
  const given = vectors[0]?.length;
  if (wanted === undefined || given === undefined || given === wanted) return;
  fail('invalid_body', {
    message: `"${model}" makes vectors of ${given} numbers, not of ${wanted}; leave dimensions out`,
    details: { problems: [{ path: 'dimensions' }] },
  });
}
