/** Cached results of steps, in memory. */
import { parse, type Part } from './answers.ts';
import type { Rows } from './rows.ts';

export function cacheAnswers(rows: Rows): Part<'readCached' | 'writeCached'> {
  return {
    readCached({ orgId, key, nowMs }) {
      const found = rows.cache.get(`${orgId} ${key.toString('hex')}`);
      if (found === undefined || found.expiresAtMs <= nowMs) return undefined;
      const { output, port, instanceId, path } = found;
      return { output: parse(output), port, instanceId, path, at: new Date(found.nowMs) };
    },
    writeCached: (cached) => void rows.cache.set(`${cached.orgId} ${cached.key.toString('hex')}`, cached),
  };
}
