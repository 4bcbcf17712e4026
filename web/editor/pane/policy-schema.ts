/** What every node takes beside its own params, as a form shows it: words, limits, and what holds when nothing is set.
 *  A test holds its names against the contract; the server's validation decides. */
import type { Schema } from '../../form/schema.ts';

const one = (value: string, title: string): Schema => ({ const: value, title });

export const retrySchema: Schema = {
  type: 'object',
  title: 'Try again',
  description: 'When an attempt failed.',
  properties: {
    maxAttempts: { type: 'integer', minimum: 1, maximum: 100, default: 1, title: 'Attempts in all' },
    backoffMs: { type: 'integer', minimum: 0, maximum: 86_400_000, default: 1_000, title: 'First pause' },
    factor: { type: 'number', minimum: 1, maximum: 10, default: 2, title: 'Each pause times' },
    maxBackoffMs: { type: 'integer', minimum: 0, maximum: 86_400_000, default: 60_000, title: 'Longest pause' },
    jitter: { type: 'number', minimum: 0, maximum: 1, default: 0.5, title: 'Random share of a pause' },
    on: {
      type: 'array',
      items: { type: 'string', maxLength: 64 },
      title: 'Only these errors',
      description: 'Codes such as http_status. Without any: all that are not final.',
    },
  },
};

const resources: Schema = {
  type: 'object',
  title: 'Resources of its job',
  properties: {
    gpus: { type: 'integer', minimum: 0, maximum: 64, title: 'GPUs' },
    vramBytes: { type: 'integer', minimum: 0, title: 'Memory on the GPU' },
    cpu: { type: 'number', minimum: 0, maximum: 1_024, title: 'Cores' },
    memoryBytes: { type: 'integer', minimum: 0, title: 'Main memory' },
  },
};

/** @param queues names to choose from; empty: any text */
export function policySchema(queues: readonly string[]): Schema {
  return {
    type: 'object',
    properties: {
      condition: { type: 'string', title: 'Only when', description: 'Skipped unless this is true.', 'x-form': { control: 'expression' } },
      onError: {
        oneOf: [one('fail', 'Fail the instance'), one('continue', 'Go on with null'), one('branch', 'Go on at the port “error”')],
        default: 'fail',
        title: 'When it fails',
      },
      retry: retrySchema,
      timeoutMs: { type: 'integer', minimum: 1, maximum: 604_800_000, title: 'Time limit', description: 'Of one attempt. Without one: what its type says.' },
      runIf: {
        oneOf: [
          { type: 'string', const: 'all', title: 'All paths are settled' },
          { type: 'string', const: 'any', title: 'The first arrives' },
          { type: 'integer', minimum: 1, maximum: 2_000, title: 'So many arrive' },
        ],
        title: 'Start when',
      },
      cache: {
        type: 'object',
        title: 'Use a result again',
        required: ['ttlS'],
        properties: {
          ttlS: { type: 'integer', minimum: 1, maximum: 31_536_000, title: 'For how long' },
          key: { type: 'string', title: 'Same result for', description: 'Without one: the same params.', 'x-form': { control: 'expression' } },
        },
      },
      queue: { type: 'string', ...(queues.length === 0 ? { maxLength: 64 } : { enum: [...queues] }), title: 'Queue' },
      priority: { type: 'integer', minimum: 0, maximum: 100, default: 50, title: 'Priority', description: 'Higher goes first.' },
      resources,
      preemptible: { type: 'boolean', title: 'May give way', description: 'Stopped and run again later when something more urgent needs its place.' },
      start: { oneOf: [one('auto', 'By itself'), one('manual', 'When a person lets it')], default: 'auto', title: 'Starts' },
      idempotencyKey: {
        type: 'string',
        maxLength: 10_000,
        title: 'Idempotency key',
        description: 'Receivers that heed it act once for each value.',
        'x-form': { control: 'expression', rare: true },
      },
      disabled: { type: 'boolean', default: false, title: 'Switched off', description: 'Skipped, as if it were not there.' },
    },
  };
}
