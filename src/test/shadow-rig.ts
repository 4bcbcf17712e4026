/** A database with its shadow, as a start of Studio makes it, without the rest of Studio: a local disk, a volume, a server, and what a crash does to them.
 *  The server keeps its fsync: a lost acknowledgement is what is looked for. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import pg from 'pg';
import { systemClock } from '../kernel/clock.ts';
import { prepareDatabase, restoreAgain, type PrepareOptions, type Prepared } from '../shadow/prepare.ts';
import { createShadow, type Shadow, type ShadowOptions } from '../shadow/shadow.ts';
import { Diverged } from '../shadow/wal-archive.ts';
import { provisionEmbedded, type RoleConnections } from '../store/provision.ts';
import { ensureServiceAccount } from '../supervise/account.ts';
import { startPostgres, type Postgres } from '../supervise/postgres.ts';
import { silentLog } from './database.ts';

export interface ShadowRig {
  readonly local: string;
  readonly localDir: string;
  readonly volumeDir: string;
  readonly shadow: string;
  /** What the last start said. */
  readonly said: readonly string[];
  start(
    options?: { readonly plan?: 'shadow' | 'direct' } & Partial<
      Pick<ShadowOptions, 'mode' | 'baseWalBytes' | 'keepBases' | 'keptLogMib' | 'mayWrite' | 'onFenced'>
    >,
  ): Promise<Running>;
  /** The machine is gone, and its disk with it. */
  loseDisk(): void;
  destroy(): Promise<void>;
}

export interface Running {
  readonly server: Postgres;
  readonly shadow: Shadow | undefined;
  readonly roles: RoleConnections;
  readonly prepared: Prepared;
  ask<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** As a kill of the whole machine: nothing is written any more. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const PASSWORD = 'throwaway';

/** @param places where the machine and its volume are; default: folders of its own */
export async function createShadowRig(at: { readonly base?: string; readonly volume?: string } = {}): Promise<ShadowRig> {
  const base = at.base ?? mkdtempSync(join(tmpdir(), 'studio-shadow-'));
  chmodSync(base, 0o711);
  const local = join(base, 'local');
  const workspace = at.volume ?? join(base, 'volume');
  mkdirSync(workspace, { recursive: true });
  const account = await ensureServiceAccount();
  const said: string[] = [];
  const server = { socketDir: join(base, 'socket'), superuser: 'studio_root', password: PASSWORD, clusterName: `studio-shadow-test-${basename(base)}` };
  const places = { localDir: join(local, 'pg'), volumeDir: join(workspace, 'pg'), shadow: join(workspace, 'pg-shadow') };
  const live = new Set<Running>();

  return {
    ...places,
    local,
    said,
    async start(options = {}) {
      const { plan = 'shadow', ...rest } = options;
      said.length = 0;
      const preparing: PrepareOptions = { ...places, plan, account, server, clock: systemClock, say: (line) => void said.push(line) };
      const prepared = await prepareDatabase(preparing);
      const dataDir = plan === 'shadow' ? places.localDir : places.volumeDir;
      const shadow =
        plan === 'shadow'
          ? createShadow({
              ...{ mode: 'sync', baseHours: 24, baseWalBytes: 2 ** 30, keepBases: 2, mayWrite: () => true, onFenced: () => undefined },
              ...rest,
              ...{ shadow: places.shadow, dataDir, clock: systemClock, log: silentLog, say: (line: string) => void said.push(line) },
            })
          : undefined;
      const running = await bringUp({ preparing, prepared, dataDir, shadow });
      live.add(running);
      return running;
    },
    loseDisk: () => rmSync(local, { recursive: true, force: true }),
    async destroy() {
      for (const running of live) await running.kill();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

async function bringUp(parts: {
  readonly preparing: PrepareOptions;
  readonly prepared: Prepared;
  readonly dataDir: string;
  readonly shadow: Shadow | undefined;
}): Promise<Running> {
  const { preparing, prepared, dataDir, shadow } = parts;
  for (;;) {
    const server = await startPostgres({ ...preparing.server, dataDir, ...(shadow && { settings: shadow.settings }) });
    const admin = { host: server.socketDir, port: server.port, user: server.superuser, password: PASSWORD, database: 'postgres' };
    const roles = await provisionEmbedded({ admin, database: 'selfhost_studio', password: PASSWORD });
    try {
      if (roles.replication !== undefined) await shadow?.begin(roles.replication);
    } catch (error) {
      await server.stop({ graceMs: 0 });
      if (!(error instanceof Diverged)) throw error;
      preparing.say(error.message);
      await restoreAgain(preparing);
      continue; // Serial: the server starts again on what was restored.
    }
    await prepared.finish();
    const end = async (how: () => Promise<unknown>): Promise<void> => {
      await how();
      await shadow?.stop();
    };
    return {
      ...{ server, shadow, roles, prepared },
      ask: (text, values) => askOnce(admin, text, values),
      kill: () => end(() => (kill(server), server.exited)),
      stop: () => end(() => server.stop()),
    };
  }
}

async function askOnce<Row extends pg.QueryResultRow>(admin: pg.ClientConfig, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  const client = new pg.Client(admin);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function kill(server: Postgres): void {
  try {
    process.kill(-server.pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
