/** The shape of a definition as the editor explains it: contract/graph in JSON Schema, with the words a person needs.
 *  The server's validation decides; this only completes and explains. definition-schema.test.ts holds it against the contract. */
import type { Schema } from './schema.ts';

const retry: Schema = {
  type: 'object',
  description: 'When a failed attempt is tried again.',
  properties: {
    maxAttempts: { type: 'integer', minimum: 1, maximum: 100, default: 3, description: 'Attempts in all, the first one included.' },
    backoffMs: { type: 'integer', minimum: 0, default: 1000, description: 'Pause before the second attempt, in ms.' },
    factor: { type: 'number', minimum: 1, maximum: 10, default: 2, description: 'Each pause is this many times the one before.' },
    maxBackoffMs: { type: 'integer', minimum: 0, default: 60000, description: 'Longest pause, in ms.' },
    jitter: { type: 'number', minimum: 0, maximum: 1, default: 0.5, description: 'Share of the pause that is random, so that many do not come back together.' },
    on: { type: 'array', items: { type: 'string' }, description: 'Only these error codes are tried again; absent: all that are not final.' },
  },
};

const resources: Schema = {
  type: 'object',
  description: 'What the job needs to start.',
  properties: {
    gpus: { type: 'integer', minimum: 0, default: 1, description: 'How many devices.' },
    vramBytes: { type: 'integer', minimum: 0, description: 'Device memory, in bytes.' },
    cpu: { type: 'number', minimum: 0, description: 'Cores.' },
    memoryBytes: { type: 'integer', minimum: 0, description: 'Main memory, in bytes.' },
  },
};

const preemptible: Schema = {
  type: 'boolean',
  description: 'Its job may be ended and put back in line for something more important; $STUDIO_CHECKPOINT is kept, and no attempt is counted.',
};

const node: Schema = {
  type: 'object',
  required: ['key', 'type'],
  properties: {
    key: { type: 'string', description: 'Its name in edges and expressions: a to z, then a to z, 0 to 9 and _, at most 64.' },
    type: { type: 'string', description: 'What it does.' },
    typeVersion: { type: 'integer', minimum: 1, description: 'Version of the type; absent: the newest.' },
    name: { type: 'string', description: 'Shown on the card instead of the key.' },
    notes: { type: 'string', description: 'For people who read the workflow.' },
    params: { type: 'object', description: 'What the type asks for. Strings may hold {{ expressions }}.' },
    position: {
      type: 'object',
      description: 'Where it stands on the canvas; absent: laid out by itself.',
      properties: { x: { type: 'number' }, y: { type: 'number' } },
    },
    timeoutMs: { type: 'integer', minimum: 1, default: 60000, description: 'Longest time of one attempt, in ms.' },
    retry,
    onError: {
      type: 'string',
      enum: ['fail', 'continue', 'branch'],
      description: 'fail: the instance fails. continue: go on with null as output. branch: go on at the port `error`.',
    },
    condition: { type: 'string', description: 'An expression; when it is not true, the node is skipped.' },
    runIf: {
      description: 'How many of the edges that lead here must have come through.',
      anyOf: [
        { type: 'string', enum: ['all', 'any'] },
        { type: 'integer', minimum: 1 },
      ],
    },
    mock: { description: 'A pinned output: the node does not run.' },
    disabled: { type: 'boolean', default: true, description: 'Skipped, as if it were not there.' },
    priority: { type: 'integer', minimum: 0, maximum: 100, default: 50, description: 'Of its job on the queue; higher runs first.' },
    queue: { type: 'string', default: 'studio', description: 'Where its job waits.' },
    cache: {
      type: 'object',
      required: ['ttlS'],
      description: 'Uses a result again instead of running, while it is fresh.',
      properties: {
        ttlS: { type: 'integer', minimum: 1, default: 3600, description: 'How long a result is used again, in seconds.' },
        key: { type: 'string', description: 'An expression; results of the same key are the same. Absent: the params as they were evaluated.' },
      },
    },
    idempotencyKey: { type: 'string', description: 'An expression; receivers that heed it act once for each value.' },
    start: { type: 'string', enum: ['auto', 'manual'], description: 'manual: it waits until a person lets it start.' },
    resources,
    preemptible,
  },
};

const edge: Schema = {
  type: 'object',
  required: ['from', 'to'],
  properties: {
    from: { type: 'string', description: 'Where it starts: "key", or "key.port".' },
    to: { type: 'string', description: 'Where it leads: "key".' },
    mode: {
      type: 'array',
      items: { type: 'string', enum: ['trigger', 'context', 'attachments'] },
      description: 'What travels: the turn, the data, the files.',
    },
    when: { type: 'string', description: 'An expression; the edge is only taken when it is true.' },
  },
};

const cron: Schema = {
  type: 'object',
  required: ['expression'],
  properties: {
    expression: { type: 'string', default: '0 8 * * 1-5', description: 'Five fields: minute, hour, day of the month, month, day of the week.' },
    timezone: { type: 'string', default: 'UTC', description: 'Where those hours are read, like Europe/Berlin.' },
    input: { description: 'The input of the instances it starts.' },
    catchUp: { type: 'string', enum: ['one', 'skip', 'all'], description: 'What becomes of times that were missed: one start for all of them, none, or each.' },
    catchUpWindowS: { type: 'integer', minimum: 60, default: 604800, description: 'Nothing older than so many seconds is caught up.' },
    overlap: {
      type: 'string',
      enum: ['allow', 'skip', 'queue', 'cancel'],
      description: 'While the instance before still runs: both run, this time is skipped, it waits, or that instance is cancelled.',
    },
    jitterS: { type: 'integer', minimum: 0, maximum: 3600, default: 60, description: 'Each time is put off by up to so many seconds.' },
  },
};

const rate: Schema = {
  type: 'object',
  required: ['limit', 'perS'],
  description: 'How many calls may start an instance; more are told when to come back.',
  properties: {
    limit: { type: 'integer', minimum: 1, default: 60, description: 'So many calls …' },
    perS: { type: 'integer', minimum: 1, default: 60, description: '… in so many seconds.' },
  },
};

const webhook: Schema = {
  type: 'object',
  required: ['auth'],
  properties: {
    auth: { type: 'string', enum: ['hmac', 'jwt', 'header', 'none'], description: 'How a caller proves itself. none: anyone who has the URL.' },
    secret: {
      type: 'string',
      description: 'Name of the secret that proves a caller; required unless auth is none. Of jwt also a public key, a JWK or a JWKS.',
    },
    header: { type: 'string', description: 'Header that carries the secret, the signature or the token.' },
    timestamp: {
      type: 'boolean',
      default: true,
      description: 'Of hmac: the signature covers delivery, time and body. false for senders that sign the body alone, like GitHub.',
    },
    windowS: { type: 'integer', minimum: 10, default: 300, description: 'Of hmac: how many seconds the time of sending may be off.' },
    jwt: {
      type: 'object',
      required: ['alg'],
      description: 'Of jwt: which tokens are taken. They must not have expired.',
      properties: {
        alg: { type: 'string', enum: ['HS256', 'RS256', 'ES256'], description: 'The one algorithm that is taken.' },
        issuer: { type: 'string', description: 'Its iss.' },
        audience: { type: 'string', description: 'Its aud.' },
        maxAgeS: { type: 'integer', minimum: 1, description: 'Older tokens are refused, by their iat.' },
        once: { type: 'boolean', default: true, description: 'Each token counts once, by its jti.' },
      },
    },
    methods: { type: 'array', items: { type: 'string', enum: ['POST', 'GET'] }, description: 'Absent: POST alone.' },
    rate,
  },
};

const formTrigger: Schema = {
  type: 'object',
  required: ['access'],
  properties: {
    access: { type: 'string', enum: ['members', 'public'], description: 'Who may fill it in: members who may run workflows, or whoever has the URL.' },
    title: { type: 'string', description: 'Absent: the name of the workflow.' },
    description: { type: 'string', description: 'Shown above the fields. The fields are those of inputSchema.' },
    submitLabel: { type: 'string', default: 'Send', description: 'On the button.' },
    rate,
  },
};

const event: Schema = {
  type: 'object',
  required: ['types'],
  properties: {
    types: { type: 'array', items: { type: 'string' }, description: 'Event types, like engine:instance:failed, or engine:instance:* for all that begin so.' },
    filter: { type: 'string', description: 'An expression over event, the envelope; anything but true starts nothing.' },
    allowSelf: { type: 'boolean', default: true, description: 'Hear also the events of this workflow itself.' },
  },
};

const file: Schema = {
  type: 'object',
  properties: {
    prefix: { type: 'string', default: 'inbox/', description: 'Of the path in the files; inbox/ is where dropped files go.' },
    pattern: { type: 'string', default: '*.csv', description: 'Of the rest of the path: * but not /, ** anything, ? one character, {a,b}.' },
    settleMs: { type: 'integer', minimum: 500, default: 2000, description: 'A dropped file is taken when it did not change for so long.' },
    allowSelf: { type: 'boolean', default: true, description: 'Hear also files that this workflow wrote.' },
  },
};

const trigger: Schema = {
  type: 'object',
  required: ['key', 'type'],
  properties: {
    key: { type: 'string', description: 'Its name.' },
    type: { type: 'string', enum: ['cron', 'webhook', 'form', 'event', 'file'], description: 'What starts an instance.' },
    params: { anyOf: [cron, webhook, formTrigger, event, file] },
    enabled: { type: 'boolean', default: true, description: 'Off: it starts nothing.' },
  },
};

const comment: Schema = {
  type: 'object',
  required: ['id', 'text', 'position'],
  properties: {
    id: { type: 'string', description: 'Tells it from others: a to z, 0 to 9, _ and -.' },
    text: { type: 'string', description: 'What it says.' },
    position: { type: 'object', description: 'Its upper left corner on the canvas.', properties: { x: { type: 'number' }, y: { type: 'number' } } },
    size: { type: 'object', description: 'Absent: as large as its text.', properties: { width: { type: 'number' }, height: { type: 'number' } } },
    colour: { type: 'string', enum: ['grey', 'amber', 'green', 'blue', 'violet'], description: 'Of its frame.' },
  },
};

/** The whole definition. `nodes[].params` is open here: the node's type says more (completion.ts). */
export const definitionSchema: Schema = {
  type: 'object',
  required: ['nodes', 'edges'],
  properties: {
    nodes: { type: 'array', items: node, description: 'What happens.' },
    edges: { type: 'array', items: edge, description: 'In which order: each leads from one node to another.' },
    comments: { type: 'array', items: comment, description: 'Notes on the canvas, for people; nothing runs by them.' },
    inputSchema: { type: 'object', description: 'JSON Schema of the input; the run dialog makes a form of it.' },
    triggers: { type: 'array', items: trigger, description: 'What starts instances by itself.' },
    settings: {
      type: 'object',
      properties: {
        maxConcurrentSteps: { type: 'integer', minimum: 1, maximum: 1000, default: 50, description: 'Steps of one instance that run at the same time.' },
      },
    },
  },
};

/** The params of each type of trigger. */
export const triggerSchemas: Readonly<Record<string, Schema>> = { cron, webhook, form: formTrigger, event, file };
