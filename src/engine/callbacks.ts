/** Calls of the URLs of waiting steps (`wait.webhook`): who may, and what the step gets. The first that is let in counts; every other call
 *  changes nothing. Fails closed, and tells a stranger only that nothing waits. */
import * as z from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail } from '../kernel/fail.ts';
import { readCallback, type Callback } from '../store/callbacks.ts';
import type { Database } from '../store/client.ts';
import { createAddressLimit } from './address-limit.ts';
import type { StepCommandRequest } from './route-command.ts';
import { judgeWebhook } from './webhook-auth.ts';
import { webhookInput } from './webhook-input.ts';
import type { WebhookRequest } from './webhooks.ts';

export interface Callbacks {
  /** @throws AppError not_found, unauthenticated, forbidden, conflict, rate_limited, and what the step's owner refuses */
  receive(request: WebhookRequest): Promise<{ readonly instanceId: string }>;
}

export interface CallbackParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly secrets: { read(orgId: string, name: string): Promise<string | undefined> };
  readonly commandStep: (request: StepCommandRequest) => Promise<unknown>;
}

const PREFIX = 'cb_';
/** 24 bytes in base64url: anything else is not looked up. */
const TOKEN = /^cb_[A-Za-z0-9_-]{32}$/;
/** One call is all that a step needs; the rest is senders that try again, or somebody who guesses a secret. */
const RATE = { limit: 120, periodMs: 60_000 };

/** How far the clock of who signs may be off. */
const WINDOW_S = 300;

/** What wait.webhook keeps for us. */
const shape = z.looseObject({
  call: z.strictObject({
    auth: z.enum(['none', 'header', 'hmac']),
    methods: z.array(z.enum(['GET', 'POST'])),
    secret: z.string().optional(),
    header: z.string().optional(),
  }),
});

/** Whether a token of `/webhooks/{token}` is a step's, not a trigger's. */
export function isCallbackToken(token: string): boolean {
  return token.startsWith(PREFIX);
}

export function createCallbacks(parts: CallbackParts): Callbacks {
  const waitMsOf = createAddressLimit(parts.clock, RATE);
  return {
    async receive(request) {
      const found = TOKEN.test(request.token) ? await readCallback(parts.database.engine, request.token) : undefined;
      if (found === undefined) return nothingWaits();
      const waitMs = waitMsOf(request.token, '');
      if (waitMs > 0) fail('rate_limited', { message: `This URL takes ${RATE.limit} calls a minute.`, retryAfterS: Math.ceil(waitMs / 1_000) });
      const params = await admit(parts, found, request);
      try {
        await parts.commandStep({
          orgId: found.orgId,
          id: found.instanceId,
          path: found.path,
          command: 'callback',
          token: request.token,
          output: webhookInput(request, params, new Date(parts.clock.now())),
          requestId: request.requestId,
        });
      } catch (error) {
        // Another call was faster, or the step has ended otherwise.
        if (error instanceof AppError && (error.code === 'illegal_transition' || error.code === 'not_found')) nothingWaits(error);
        throw error;
      }
      return { instanceId: found.instanceId };
    },
  };
}

function nothingWaits(cause?: unknown): never {
  fail('not_found', {
    message: 'No step waits for this call: another call was first, the step has ended or timed out, or the URL was never right.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The params by which the call was let in. */
async function admit(parts: CallbackParts, found: Callback, request: WebhookRequest): Promise<Parameters<typeof webhookInput>[1]> {
  const parsed = shape.safeParse(found.state);
  if (!parsed.success || !parsed.data.call.methods.includes(request.method)) fail('not_found', `No step waits here for a ${request.method}.`);
  const { call } = parsed.data;
  const params = { ...call, timestamp: true, windowS: WINDOW_S };
  if (call.auth === 'none') return params;
  const secret = call.secret === undefined ? undefined : await parts.secrets.read(found.orgId, call.secret);
  if (secret === undefined || secret === '') fail('forbidden', 'This URL refuses every call: its secret is missing. Its owner has to set it.');
  const judged = await judgeWebhook(params, secret, { headers: request.headers, body: request.body, nowMs: parts.clock.now() });
  if ('refusal' in judged) fail('unauthenticated', `The call was refused: ${judged.refusal}.`);
  return params;
}
