/** A Redis built from source by redis-memory-server, for machines where none can be installed. Takes a minute or two, once;
 *  a failure is remembered for a day, so that each start stays quick. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { findProgram, root, say } from './prepare.mjs';

const RETRY_MS = 24 * 3_600_000;

/** Where supervise/redis.ts looks too. As root outside the checkout: the service account has to reach it. */
const folder = process.getuid?.() === 0 ? '/var/cache/studio/redis-binaries' : join(root, 'node_modules/.cache/redis-memory-server/redis-binaries');

/** @returns the program, or undefined when it can't be built here */
export async function buildRedis() {
  const built = existsSync(folder)
    ? readdirSync(folder)
        .map((version) => join(folder, version, 'redis-server'))
        .find((path) => existsSync(path))
    : undefined;
  if (built !== undefined) return built;
  const failed = join(folder, 'failed');
  const stamp = statSync(failed, { throwIfNoEntry: false });
  if (stamp !== undefined && stamp.mtimeMs + RETRY_MS > new Date().getTime()) return undefined;
  const missing = [['make'], ['cc', 'gcc', 'clang']].filter((names) => findProgram(names) === undefined);
  if (missing.length > 0) return undefined;
  say('Redis: building it from source (once, a minute or two) …');
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  try {
    const { default: RedisBinary } = createRequire(import.meta.url)('redis-memory-server/lib/util/RedisBinary');
    const path = await RedisBinary.getPath({ downloadDir: folder, version: 'stable' });
    rmSync(failed, { force: true });
    return path;
  } catch (error) {
    say(`Redis: it could not be built (${error instanceof Error ? error.message.split('\n')[0] : String(error)}).`);
    writeFileSync(failed, '');
    return undefined;
  }
}
