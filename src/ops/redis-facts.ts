/** What Redis says about itself. */
import type { Redis } from 'ioredis';

export interface RedisFacts {
  readonly version: string;
  readonly usedMemoryBytes: number;
  /** 0: no limit. */
  readonly maxMemoryBytes: number;
  readonly evictedKeys: number;
  readonly clients: number;
}

/** @throws when there is none, or it does not answer */
export async function readRedis(client: Redis | undefined): Promise<RedisFacts> {
  if (client === undefined) throw new Error('there is none; apt-get install redis-server, or set REDIS_URL, and restart');
  await client.ping();
  const text = await client.info();
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]?.trim();
  const number = (name: string): number => Number(field(name) ?? 0);
  return {
    version: field('redis_version') ?? 'unknown',
    usedMemoryBytes: number('used_memory'),
    maxMemoryBytes: number('maxmemory'),
    evictedKeys: number('evicted_keys'),
    clients: number('connected_clients'),
  };
}
