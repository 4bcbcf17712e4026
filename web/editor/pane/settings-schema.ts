/** Settings and triggers of a workflow, as forms show them: words, limits, and what holds when nothing is set.
 *  A test holds the names against the contract; the server's validation decides. */
import type { Schema } from '../../form/schema.ts';

const one = (value: string, title: string): Schema => ({ const: value, title });
const limitKey: Schema = {
  type: 'string',
  maxLength: 10_000,
  title: 'For each value of',
  description: 'An expression over input: one limit for each.',
  'x-form': { control: 'expression' },
};
const recipients: Schema = {
  type: 'array',
  title: 'To',
  description: 'E-mail addresses, user ids, publisher, admins or members. Without any: the publisher.',
  items: { type: 'string', maxLength: 254 },
};
const hears: Schema = {
  type: 'array',
  title: 'When it',
  items: { type: 'string', enum: ['failed', 'completed', 'cancelled', 'waiting_approval'] },
  default: ['failed'],
};
const secret = (title: string): Schema => ({ type: 'string', title, 'x-form': { control: 'secret' } });

const notifyRule: Schema = {
  oneOf: [
    { type: 'object', title: 'In the app', required: ['on', 'channel'], properties: { channel: { const: 'in_app' }, on: hears, to: recipients } },
    { type: 'object', title: 'By e-mail', required: ['on', 'channel'], properties: { channel: { const: 'email' }, on: hears, to: recipients } },
    {
      ...{ type: 'object', title: 'To a webhook', required: ['on', 'channel'] },
      properties: {
        channel: { const: 'webhook' },
        on: hears,
        url: { type: 'string', title: 'URL' },
        urlSecret: secret('Or the secret that holds it'),
        secret: secret('Signed with'),
      },
    },
  ],
};

export const settingsSchema: Schema = {
  type: 'object',
  properties: {
    maxConcurrentSteps: { type: 'integer', minimum: 1, maximum: 1_000, title: 'Steps at once', description: 'Of one instance.' },
    priority: { type: 'integer', minimum: 0, maximum: 100, default: 50, title: 'Priority', description: 'Of instances without one of their own.' },
    concurrency: {
      type: 'object',
      title: 'Instances at once',
      required: ['limit'],
      properties: {
        limit: { type: 'integer', minimum: 1, maximum: 100_000, title: 'At most' },
        policy: {
          oneOf: [one('queue', 'waits'), one('cancel-new', 'is cancelled'), one('cancel-old', 'ends the oldest')],
          default: 'queue',
          title: 'One more',
        },
        key: limitKey,
      },
    },
    rateLimit: {
      type: 'object',
      title: 'Starts in a time',
      required: ['limit', 'perS'],
      properties: {
        limit: { type: 'integer', minimum: 1, maximum: 1_000_000, title: 'At most' },
        perS: { type: 'integer', minimum: 1, maximum: 2_592_000, title: 'In' },
        key: limitKey,
      },
    },
    retentionDays: { type: 'number', minimum: 0.01, maximum: 3_650, title: 'Keep ended instances' },
    notify: {
      type: 'array',
      minItems: 0,
      title: 'Notify rules',
      description: 'Not set: as the organisation says. Set and empty: nobody is told.',
      items: notifyRule,
    },
  },
};

const rate: Schema = {
  type: 'object',
  title: 'Calls in a time',
  required: ['limit', 'perS'],
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 1_000_000, title: 'At most' },
    perS: { type: 'integer', minimum: 1, maximum: 86_400, title: 'In' },
  },
};

const cron: Schema = {
  type: 'object',
  required: ['expression'],
  properties: {
    expression: { type: 'string', maxLength: 200, title: 'When', description: 'Minute, hour, day of the month, month, day of the week.' },
    timezone: { type: 'string', maxLength: 64, default: 'UTC', title: 'Time zone' },
    input: { title: 'Input', 'x-form': { rare: true } },
    overlap: {
      oneOf: [one('allow', 'both run'), one('skip', 'this time is skipped'), one('queue', 'it waits'), one('cancel', 'the one before is cancelled')],
      default: 'allow',
      title: 'While the one before still runs',
    },
    catchUp: {
      oneOf: [one('one', 'one start for all'), one('skip', 'are skipped'), one('all', 'each is made up for')],
      default: 'one',
      title: 'Times that were missed',
    },
    catchUpWindowS: { type: 'integer', minimum: 60, maximum: 31_622_400, default: 604_800, title: 'Made up for at most', 'x-form': { rare: true } },
    jitterS: { type: 'integer', minimum: 0, maximum: 3_600, default: 0, title: 'Put off by up to', 'x-form': { rare: true } },
  },
};

const webhook: Schema = {
  type: 'object',
  required: ['auth'],
  properties: {
    auth: {
      oneOf: [one('none', 'Nothing: whoever has the URL'), one('header', 'A secret in a header'), one('hmac', 'A signature'), one('jwt', 'A token (JWT)')],
      title: 'A caller proves itself by',
    },
    secret: { ...secret('Secret'), description: 'Of a token also a public key, a JWK or a JWKS.' },
    methods: { type: 'array', title: 'Methods', items: { type: 'string', enum: ['POST', 'GET'] }, default: ['POST'] },
    header: {
      type: 'string',
      title: 'In the header',
      description: 'X-Studio-Secret, X-Studio-Signature or Authorization without one.',
      'x-form': { rare: true },
    },
    timestamp: {
      type: 'boolean',
      default: true,
      title: 'The signature covers time and delivery',
      description: 'Off for senders that sign the body alone, like GitHub.',
      'x-form': { rare: true },
    },
    windowS: { type: 'integer', minimum: 10, maximum: 86_400, default: 300, title: 'Clocks may differ by', 'x-form': { rare: true } },
    jwt: {
      type: 'object',
      title: 'Which tokens',
      required: ['alg'],
      properties: {
        alg: { type: 'string', enum: ['HS256', 'RS256', 'ES256'], title: 'Algorithm' },
        issuer: { type: 'string', title: 'Issuer' },
        audience: { type: 'string', title: 'Audience' },
        maxAgeS: { type: 'integer', minimum: 1, maximum: 2_592_000, title: 'Not older than' },
        once: { type: 'boolean', default: false, title: 'Each counts once' },
      },
    },
    rate: { ...rate, 'x-form': { rare: true } },
  },
};

const form: Schema = {
  type: 'object',
  required: ['access'],
  properties: {
    access: { oneOf: [one('members', 'Members who may run workflows'), one('public', 'Whoever has the URL')], title: 'Open to' },
    title: { type: 'string', maxLength: 200, title: 'Title', description: 'Without one: the name of the workflow.' },
    description: { type: 'string', maxLength: 4_000, title: 'Words above the fields', 'x-form': { control: 'long' } },
    submitLabel: { type: 'string', maxLength: 60, default: 'Send', title: 'On the button' },
    rate: { ...rate, 'x-form': { rare: true } },
  },
};

const event: Schema = {
  type: 'object',
  required: ['types'],
  properties: {
    types: {
      type: 'array',
      title: 'Events',
      description: 'engine:instance:failed, or engine:instance:* for all that begin so.',
      items: { type: 'string', maxLength: 64 },
    },
    filter: { type: 'string', maxLength: 10_000, title: 'Only when', 'x-form': { control: 'expression', names: ['event'] } },
    allowSelf: { type: 'boolean', default: false, title: 'Also those of this workflow' },
  },
};

const file: Schema = {
  type: 'object',
  properties: {
    prefix: { type: 'string', maxLength: 512, default: 'inbox/', title: 'In the folder', description: 'inbox/ is where dropped files go.' },
    pattern: {
      type: 'string',
      maxLength: 200,
      default: '**',
      title: 'Names like',
      description: '* anything but /, ** anything, ? one character, {a,b} one of them.',
    },
    settleMs: { type: 'integer', minimum: 500, maximum: 600_000, default: 2_000, title: 'When unchanged for' },
    allowSelf: { type: 'boolean', default: false, title: 'Also files this workflow wrote' },
  },
};

/** The params of each type of trigger. */
export const triggerForms: Readonly<Record<'cron' | 'webhook' | 'form' | 'event' | 'file', Schema>> = { cron, webhook, form, event, file };
