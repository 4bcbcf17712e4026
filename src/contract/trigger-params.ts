/** The params of each type of trigger. Shape only: engine/trigger-rows says what they mean together. */
import * as z from 'zod';
import { json } from './endpoint.ts';

const DAY_S = 86_400;
const secretName = z.string().max(64);
/** How many calls may start an instance within `perS` seconds; the next is told when to come back. */
const callRate = z.strictObject({ limit: z.int().min(1).max(1_000_000), perS: z.int().min(1).max(DAY_S) });

export const cronParams = z.strictObject({
  expression: z.string().min(1).max(200),
  timezone: z.string().max(64).default('UTC'),
  input: json.optional(),
  /** What becomes of times that were missed while Studio was down or triggers were paused: none, one for all of them, or each. */
  catchUp: z.enum(['skip', 'one', 'all']).default('one'),
  /** Nothing older than this is caught up. */
  catchUpWindowS: z
    .int()
    .min(60)
    .max(366 * DAY_S)
    .default(7 * DAY_S),
  /** When the instance of the time before still runs: both run, this time is skipped, it waits, or that instance is cancelled. */
  overlap: z.enum(['allow', 'skip', 'queue', 'cancel']).default('allow'),
  /** Each time is put off by up to so many seconds, the same for every process. */
  jitterS: z.int().min(0).max(3_600).default(0),
});
export type CronParams = z.infer<typeof cronParams>;

/** Of auth `jwt`. The algorithm is the trigger's to say, never the token's. */
const jwtParams = z.strictObject({
  alg: z.enum(['HS256', 'RS256', 'ES256']),
  issuer: z.string().min(1).max(500).optional(),
  audience: z.string().min(1).max(500).optional(),
  /** Older tokens are refused, whatever their own end. */
  maxAgeS: z
    .int()
    .min(1)
    .max(30 * DAY_S)
    .optional(),
  /** Each token counts once, by its jti, which it must have. */
  once: z.boolean().default(false),
});

export const webhookParams = z.strictObject({
  auth: z.enum(['none', 'header', 'jwt', 'hmac']),
  methods: z
    .array(z.enum(['GET', 'POST']))
    .min(1)
    .default(['POST']),
  /** Name of the org secret that authenticates a caller; required unless auth is `none`. Of `jwt`: the secret, a public key (PEM), a JWK or a JWKS. */
  secret: secretName.optional(),
  /** Which header carries the secret (auth `header`, default X-Studio-Secret), the signature (auth `hmac`, default X-Studio-Signature) or the token
   *  (auth `jwt`, default Authorization: Bearer). */
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,100}$/, 'a header name is letters, digits and -')
    .optional(),
  /** Of `hmac`: the signature covers `<delivery>.<timestamp>.<body>`, X-Studio-Timestamp is at most `windowS` off, X-Studio-Delivery counts
   *  once. False only for senders that sign the body alone (GitHub): the same body then counts once in three days. */
  timestamp: z.boolean().default(true),
  /** Of `hmac`: how far the sender's clock, and a queue between, may be off. */
  windowS: z.int().min(10).max(DAY_S).default(300),
  jwt: jwtParams.optional(),
  rate: callRate.optional(),
});
export type WebhookParams = z.infer<typeof webhookParams>;

export const formParams = z.strictObject({
  title: z.string().trim().min(1).max(200).optional(),
  description: z.string().max(4_000).optional(),
  submitLabel: z.string().trim().min(1).max(60).optional(),
  /** `public`: whoever has the URL; `members`: those of the org who may run workflows. */
  access: z.enum(['members', 'public']),
  /** Of a public form, all senders together. */
  rate: callRate.default({ limit: 60, perS: 60 }),
});
export type FormParams = z.infer<typeof formParams>;

export const eventParams = z.strictObject({
  /** Event types; `engine:instance:*` is all that begin so. */
  types: z
    .array(
      z
        .string()
        .max(64)
        .regex(/^([a-z_]+(:[a-z_]+){0,2}(:\*)?|\*)$/, 'an event type is noun:entity:verb, or its beginning and :*'),
    )
    .min(1)
    .max(50),
  /** An expression over `event`, the envelope; anything but true starts nothing. */
  filter: z.string().min(1).max(10_000).optional(),
  /** Hear also the events of this workflow itself and of its instances. */
  allowSelf: z.boolean().default(false),
});

export const fileParams = z.strictObject({
  /** Of the path in the org's files; `inbox/` is where dropped files go. Empty: everywhere. */
  prefix: z.string().max(512).default('inbox/'),
  /** Of the rest of the path: `*` is anything but /, `**` anything, `?` one character, `{a,b}` one of them. */
  pattern: z.string().min(1).max(200).default('**'),
  /** A dropped file is taken when it did not change for so long. */
  settleMs: z.int().min(500).max(600_000).default(2_000),
  /** Hear also files that this workflow's own instances wrote. */
  allowSelf: z.boolean().default(false),
});
