/** From configuration to a Redis connection: embedded (supervised), managed, or none, which is degraded and no fault.
 *  Nothing waits for it: every use of Redis has a way around. */
import { randomBytes } from 'node:crypto';
import { Redis as RedisClient } from 'ioredis';
import type { CompleteConfig } from '../config/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { logLineOf } from './service-lines.ts';
import { findRedis, startRedis } from '../supervise/redis.ts';
import type { Services } from '../supervise/service.ts';

export interface RedisParts {
  readonly config: CompleteConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly services: Services;
  readonly socketDir: string;
  /** The folder with package.json: redis-memory-server builds below it. */
  readonly root: string;
  /** Of the embedded one. */
  readonly maxMemoryBytes: number;
}

export interface RedisStart {
  readonly client: RedisClient;
  /** Said on the terminal and in health. */
  readonly note: string;
}

/** @returns undefined, with the reason logged, when there is no Redis to be had */
export async function startRedisIfAny(parts: RedisParts): Promise<RedisStart | undefined> {
  const { config, log } = parts;
  if (config.redis.kind === 'managed') return { client: open(config.redis.url, {}, log), note: `Redis at ${new URL(config.redis.url).host}` };
  const program = findRedis(parts.root);
  if (program === undefined) {
    log.warn({ remedy: 'apt-get install redis-server, or set REDIS_URL' }, 'no Redis found: running degraded');
    return undefined;
  }
  // Known to this process and its Redis only; a restarted Redis gets the same, so that the client comes back by itself.
  const password = randomBytes(24).toString('hex');
  const options = {
    program,
    socketDir: parts.socketDir,
    password,
    workspacePath: config.workspacePath,
    clock: parts.clock,
    maxMemoryBytes: parts.maxMemoryBytes,
  };
  let socketPath = '';
  const first = parts.services.add({
    name: 'redis',
    required: false,
    async start(signal) {
      const redis = await startRedis({ ...options, signal, onLine: (line) => logLineOf(log, 'redis', line) });
      socketPath = redis.socketPath;
      return redis;
    },
  });
  await first.catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'Redis did not start: running degraded, trying again'));
  return { client: open(undefined, { path: socketPath || `${parts.socketDir}/redis.sock`, password }, log), note: `Redis (${program})` };
}

function open(url: string | undefined, local: { readonly path?: string; readonly password?: string }, log: Logger): RedisClient {
  const options = {
    ...local,
    // Commands fail at once while it is away: whoever asked has another way.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 3_000,
    // Back within 2 s of its return (R05), without a storm while it is gone.
    retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 5), 1_000),
  };
  const client = url === undefined ? new RedisClient(options) : new RedisClient(url, options);
  let isUp = false;
  client.on('ready', () => {
    if (!isUp) log.info({}, 'Redis connected');
    isUp = true;
  });
  // Without a listener ioredis writes every failed try to the console.
  client.on('error', (error: Error) => {
    if (isUp) log.warn({ reason: error.message }, 'Redis connection lost');
    isUp = false;
  });
  return client;
}
