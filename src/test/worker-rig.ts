/** A Studio that takes no jobs itself, and processes that only run jobs for it: one PostgreSQL, one Redis, one workspace. Real processes, gone with `close`. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startChild } from '../kernel/child.ts';
import { findRedis } from '../supervise/redis.ts';
import { asObject, type ApiClient } from './api-client.ts';
import { urlOf } from './database.ts';
import { startTestServer } from './postgres.ts';
import { root } from './source-files.ts';
import { claimStudio, createStudio, freePort, type Studio } from './studio-process.ts';

export interface WorkerRig {
  /** Jobs, which run as users of their own, may look into it. */
  readonly folder: string;
  readonly studio: Studio;
  readonly client: ApiClient;
  readonly workers: readonly Studio[];
  /** @returns the job's id */
  submit(body: object): Promise<string>;
  close(): Promise<void>;
}

/** @param names of the workers, all started when this resolves */
export async function startWorkerRig(names: readonly string[]): Promise<WorkerRig> {
  const folder = mkdtempSync(join(tmpdir(), 'studio-worker-'));
  chmodSync(folder, 0o711);
  const ends: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end(); // Serial: each stands on the one before.
  };
  try {
    const postgres = await startTestServer({ tcpPort: await freePort() });
    ends.push(() => postgres.stop());
    const dba = new pg.Client(postgres.admin);
    await dba.connect();
    await dba.query(`create role app login createrole password 'app'`);
    await dba.query('create database theirs owner app');
    await dba.end();
    const redisPort = await freePort();
    const command = findRedis(root);
    if (command === undefined) throw new Error('this needs redis-server; scripts/test installs it');
    const redis = await startChild({ command, args: ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--dir', folder], cwd: folder });
    ends.push(async () => void (await redis.stop({ signal: 'SIGKILL' })));
    const env = {
      DATABASE_URL: urlOf({ host: '127.0.0.1', port: postgres.admin.port, user: 'app', password: 'app', database: 'theirs' }),
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      JWT_SECRET_KEY: 'b'.repeat(64),
      WORKER_SHARED_SECRET: 'c'.repeat(64),
      CREDENTIAL_ENCRYPTION_KEY: 'd'.repeat(64),
    };
    const studio = await createStudio({ env: { ...env, STUDIO_QUEUES: 'none' } });
    ends.push(() => studio.destroy());
    await studio.start();
    const client = await claimStudio(studio);
    const workers: Studio[] = [];
    for (const name of names) {
      // Serial: they start on the same two cores.
      const worker = await createStudio({ workspace: studio.workspace, env: { ...env, STUDIO_ROLE: 'worker', STUDIO_WORKER_NAME: name } });
      ends.push(() => worker.destroy());
      await worker.start();
      workers.push(worker);
    }
    return {
      ...{ folder, studio, client, workers, close },
      submit: async (body) => String(asObject((await client.expect(201, 'POST', '/api/v1/jobs', body))['job'])['id']),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
