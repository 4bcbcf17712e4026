/** The one PostgreSQL and the one Redis of a test run. Tests find them by STUDIO_TEST_POSTGRES and STUDIO_TEST_REDIS (a URL each);
 *  a test that kills or freezes a server starts its own. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findRedis, startRedis } from '../../src/supervise/redis.ts';
import { testDatabase, urlOf } from '../../src/test/database.ts';
import { startTestServer } from '../../src/test/postgres.ts';

const root = resolve(import.meta.dirname, '../..');
const REDIS_PASSWORD = 'studio-test';

export interface TestServices {
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts both, and migrates the template that every test database is cloned from. */
export async function startTestServices(): Promise<TestServices> {
  const program = process.env['STUDIO_TEST_REDIS_SERVER'] ?? findRedis(root);
  if (program === undefined) throw new Error('The tests need redis-server, and the PATH has none: start them with scripts/test, which finds or installs it.');
  const folder = mkdtempSync(join(tmpdir(), 'studio-redis-'));
  // As root the servers run as another account, which has to pass.
  chmodSync(folder, 0o711);
  const postgres = await startTestServer();
  const redis = await startRedis({ program, socketDir: join(folder, 'socket'), password: REDIS_PASSWORD });
  const env = { STUDIO_TEST_POSTGRES: urlOf(postgres.admin), STUDIO_TEST_REDIS: `unix://:${REDIS_PASSWORD}@${redis.socketPath}` };
  Object.assign(process.env, env);
  await (await testDatabase()).close();
  return {
    env,
    async stop() {
      await redis.stop();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
