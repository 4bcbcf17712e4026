/** Calls of webhooks: who may, and what they start. Fails closed: unknown, off, archived, without its secret, wrongly signed, too old, too many. */
import { webhookParams, type WebhookParams } from '../contract/trigger-params.ts';
import { fail } from '../kernel/fail.ts';
import { noteResult, readTriggerByToken, type ArmedTrigger } from '../store/triggers.ts';
import { takeCall, type TakenParts } from './taken.ts';
import { deliveryOf, judgeWebhook } from './webhook-auth.ts';
import { webhookInput } from './webhook-input.ts';
import { webhookKeyFault } from './webhook-jwt.ts';

export interface WebhookRequest {
  readonly token: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Headers;
  readonly query: URLSearchParams;
  /** As it came: signatures are over bytes. */
  readonly body: Buffer;
  readonly requestId: string;
}

export interface WebhookParts extends TakenParts {
  readonly secrets: { read(orgId: string, name: string): Promise<string | undefined> };
}

/** 32 bytes in base64url: anything else is not looked up. */
export const TOKEN = /^[A-Za-z0-9_-]{43}$/;
/** Where the URL alone is the proof, whoever has it fills the disk with no more than this. */
const OPEN_RATE = { limit: 6_000, perS: 60 } as const;

/** @throws AppError not_found, unauthenticated, forbidden, conflict, rate_limited, and what starting the instance refuses */
export async function receiveWebhook(parts: WebhookParts, request: WebhookRequest): Promise<{ readonly instanceId: string }> {
  const { trigger, params, proofId } = await admit(parts, request);
  return takeCall(parts, {
    trigger,
    hash: deliveryOf(params, request.headers, proofId),
    rate: params.rate ?? (params.auth === 'none' ? OPEN_RATE : undefined),
    start: { input: webhookInput(request, params, new Date(parts.clock.now())), requestId: request.requestId },
  });
}

/** The trigger, when this call may use it. Everything before the proof says the same "no such webhook". */
async function admit(
  parts: WebhookParts,
  request: WebhookRequest,
): Promise<{ readonly trigger: ArmedTrigger; readonly params: WebhookParams; readonly proofId: string | undefined }> {
  const trigger = TOKEN.test(request.token) ? await readTriggerByToken(parts.database.engine, request.token, 'webhook') : undefined;
  const parsed = webhookParams.safeParse(trigger?.params);
  if (trigger === undefined || !trigger.enabled || trigger.isArchived || !parsed.success || !parsed.data.methods.includes(request.method)) {
    fail('not_found', `There is no webhook here that takes ${request.method}, or it is switched off.`);
  }
  const params = parsed.data;
  if (params.auth === 'none') return { trigger, params, proofId: undefined };
  const secret = params.secret === undefined ? undefined : await parts.secrets.read(trigger.orgId, params.secret);
  const note = (why: string): Promise<void> => {
    const reason = `The secret "${params.secret ?? ''}" ${why}, so every call was refused.`;
    return noteResult(parts.database.engine, trigger, { outcome: 'refused', at: new Date(parts.clock.now()).toISOString(), reason });
  };
  if (secret === undefined || secret === '') {
    await note('is missing');
    fail('forbidden', 'This webhook refuses every call: its secret is missing. Its owner has to set it.');
  }
  const judged = await judgeWebhook(params, secret, { headers: request.headers, body: request.body, nowMs: parts.clock.now() });
  if ('refusal' in judged) {
    const fault = params.jwt === undefined ? undefined : await webhookKeyFault(secret, params.jwt.alg);
    if (fault !== undefined) await note(`can't be used as a key (${fault})`);
    fail('unauthenticated', `The call was refused: ${judged.refusal}.`);
  }
  return { trigger, params, proofId: judged.proofId };
}
