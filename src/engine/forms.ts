/** Forms: what their page shows, and what a submission starts. The workflow's input schema is the form. Fails closed: a form is public only when it says
 *  so and is reached by its token; everything else is for members, whom http has let in. */
import { createHash } from 'node:crypto';
import type { Json } from '../contract/endpoint.ts';
import type { FormView } from '../contract/forms.ts';
import { formParams, type FormParams } from '../contract/trigger-params.ts';
import { fail } from '../kernel/fail.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Sql } from '../store/client.ts';
import { readTrigger, readTriggerByToken, type ArmedTrigger } from '../store/triggers.ts';
import { readVersion } from '../store/workflow-versions.ts';
import { readWorkflowHead } from '../store/workflows.ts';
import { createAddressLimit } from './address-limit.ts';
import { refuseRate, takeCall, type TakenParts } from './taken.ts';
import { TOKEN } from './webhooks.ts';

/** Which form: by its workflow, for members of that org; or by the token of a public one, and from where. */
export type FormName = { readonly orgId: string; readonly workflowId: string; readonly key: string } | { readonly token: string; readonly address: string };

export interface Submission {
  readonly form: FormName;
  readonly input: Record<string, Json>;
  /** Of a public form: copies with the same one start one instance. */
  readonly idempotencyKey?: string | undefined;
  /** Of the instance: the same for every try of one request. */
  readonly id?: string | undefined;
  readonly requestId: string;
}

export interface Forms {
  /** @throws AppError not_found */
  read(form: FormName): Promise<FormView>;
  /** @throws AppError not_found, invalid_body, conflict, too_large, rate_limited */
  submit(submission: Submission): Promise<{ readonly instanceId: string }>;
}

/** Of a public form: what strangers may store at once, and how often one address may. */
const MAX_PUBLIC_BYTES = 256 * 1024;
const ADDRESS_RATE = { limit: 10, periodMs: 60_000 } as const;
const MAX_KEY_CHARS = 255;

export function createForms(parts: TakenParts & { readonly clock: Clock }): Forms {
  const limitAddress = createAddressLimit(parts.clock, ADDRESS_RATE);
  const sql = parts.database.engine;
  return {
    async read(form) {
      const { trigger, params } = await find(sql, form);
      const schema = await schemaOf(sql, trigger);
      return {
        title: params.title ?? trigger.workflowName,
        description: params.description ?? '',
        submitLabel: params.submitLabel ?? 'Send',
        ...(schema === undefined ? {} : { schema }),
      };
    },
    async submit({ form, input, idempotencyKey, id, requestId }) {
      const { trigger, params } = await find(sql, form);
      const isPublic = 'token' in form;
      if (isPublic) {
        const bytes = Buffer.byteLength(JSON.stringify(input));
        if (bytes > MAX_PUBLIC_BYTES) fail('too_large', `The form takes ${MAX_PUBLIC_BYTES} bytes; this has ${bytes}.`);
        const waitMs = limitAddress(trigger.token ?? '', form.address);
        if (waitMs > 0) refuseRate(waitMs, `${ADDRESS_RATE.limit} a minute from one address`);
      }
      if ((await schemaOf(sql, trigger)) === undefined && Object.keys(input).length > 0)
        fail('invalid_body', `This form has no fields; "${Object.keys(input)[0]?.slice(0, 80) ?? ''}" is none of it.`);
      const hash = idempotencyKey === undefined ? undefined : keyHash(idempotencyKey);
      return takeCall(parts, { trigger, hash, rate: isPublic ? params.rate : undefined, start: { id, input, requestId } });
    },
  };
}

async function find(sql: Sql, form: FormName): Promise<{ readonly trigger: ArmedTrigger; readonly params: FormParams }> {
  const trigger = await ('token' in form ? readByToken(sql, form.token) : readTrigger(sql, form));
  const params = formParams.safeParse(trigger?.params);
  const isMine = trigger !== undefined && ('token' in form ? params.data?.access === 'public' : trigger.orgId === form.orgId);
  if (!isMine || trigger.type !== 'form' || !trigger.enabled || trigger.isArchived || !params.success)
    fail('not_found', 'There is no such form, or it is switched off.');
  return { trigger, params: params.data };
}

async function readByToken(sql: Sql, token: string): Promise<ArmedTrigger | undefined> {
  return TOKEN.test(token) ? readTriggerByToken(sql, token, 'form') : undefined;
}

async function schemaOf(sql: Sql, { orgId, workflowId }: ArmedTrigger): Promise<Record<string, Json> | undefined> {
  const head = await readWorkflowHead(sql, { orgId, id: workflowId, lock: false });
  const version = head === undefined ? undefined : await readVersion(sql, { orgId, workflowId, version: head.version });
  return version?.definition.inputSchema;
}

function keyHash(key: string): Buffer {
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > MAX_KEY_CHARS)
    fail('invalid_body', `An Idempotency-Key has 1 to ${MAX_KEY_CHARS} visible ASCII characters; this one has ${key.length}.`);
  return createHash('sha256').update(`form ${key}`).digest();
}
