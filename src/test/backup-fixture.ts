/** A workspace with a database, one file and backups of both, without a Studio: for tests and campaigns of backups themselves. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBackup } from '../backup/create.ts';
import type { BackupKey } from '../backup/crypt.ts';
import { folderPlace } from '../backup/folder-place.ts';
import { keysText } from '../backup/keys.ts';
import type { Manifest } from '../backup/manifest.ts';
import type { Place } from '../backup/place.ts';
import { createProgress, type Progress } from '../kernel/progress.ts';
import { startScratchServer } from '../backup/scratch-server.ts';
import { completeConfig, loadConfig } from '../config/load.ts';
import type { CompleteConfig } from '../config/schema.ts';
import { createCipher } from '../identity/cipher.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { openDatabase } from '../store/client.ts';
import { migrate } from '../store/migrate.ts';
import { silentLog, testDatabase, type TestDatabase } from './database.ts';

export interface BackupFixture {
  readonly db: Pick<TestDatabase, 'database' | 'roles' | 'close'>;
  readonly root: string;
  readonly workspace: string;
  readonly config: CompleteConfig;
  readonly place: Place;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  make(key: BackupKey | undefined, more?: { readonly signal?: AbortSignal; readonly progress?: Progress; readonly kind?: Manifest['kind'] }): Promise<Manifest>;
  /** Puts content into the workspace, with its row. */
  addFile(path: string, bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}

/** @param options.canBePhysical a server of its own, as Studio makes it: a physical backup takes all of a server
 *  @param options.schemaVersion of that server; default: the newest */
export async function createBackupFixture(options: { readonly canBePhysical?: boolean; readonly schemaVersion?: number } = {}): Promise<BackupFixture> {
  const root = mkdtempSync(join(tmpdir(), 'studio-backup-'));
  const workspace = join(root, 'workspace');
  mkdirSync(workspace);
  const config = completeConfig((await loadConfig({ env: { WORKSPACE_PATH: workspace, PORT: '1' }, file: {} })).config);
  const db = options.canBePhysical === true ? await ownServer(root, options.schemaVersion) : await testDatabase();
  await db.database.engine.query(`insert into orgs (id, name) values ('org_1', 'o')`);
  const { signal } = new AbortController();
  const [place, progress] = [folderPlace(join(root, 'backups')), createProgress(clock)];
  const fixture: BackupFixture = {
    ...{ db, root, workspace, config, place, progress, signal },
    make: (key, more = {}) =>
      createBackup({
        ...{ id: newId('bak'), place, key, workspaceId: config.workspaceId, workspacePath: workspace, studioVersion: '0.1.0', clock, signal, progress },
        kind: 'logical',
        engine: db.roles.engine,
        replication: db.roles.replication,
        cipher: createCipher(config.credentialEncryptionKey),
        config: { settings: '{}', keys: keysText(config, 'A=1\n') },
        createdBy: 'test',
        reason: 'manual',
        ...more,
      }),
    async addFile(path, bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      mkdirSync(join(workspace, 'files', 'org_1', sha256.slice(0, 2)), { recursive: true });
      writeFileSync(join(workspace, 'files', 'org_1', sha256.slice(0, 2), sha256), bytes);
      await db.database.engine.query(
        `insert into files (id, org_id, path, bytes, sha256, media_type, seq) values ($1, 'org_1', $2, $3, $4, 'application/octet-stream', 1)`,
        [newId('file'), path, bytes.length, sha256],
      );
    },
    async close() {
      await db.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
  await fixture.addFile('a', Buffer.from('the bytes of a file'));
  return fixture;
}

async function ownServer(root: string, target: number | undefined): Promise<BackupFixture['db']> {
  // The server runs as another account, which has to pass.
  chmodSync(root, 0o711);
  const folder = join(root, 'server');
  mkdirSync(folder, { mode: 0o711 });
  const server = await startScratchServer({ folder, signal: new AbortController().signal });
  await migrate({ owner: server.roles.owner, ...(target === undefined ? {} : { target }) });
  const database = openDatabase({ engine: { ...server.roles.engine, max: 10 }, api: { ...server.roles.api, max: 5 }, log: silentLog });
  return {
    database,
    roles: server.roles,
    async close() {
      await database.close();
      await server.stop();
    },
  };
}
