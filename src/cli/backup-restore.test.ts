import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openPlace } from '../backup/open-place.ts';
import { listIds } from '../backup/store-files.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { migrate } from '../store/migrate.ts';
import { backup } from './backup.ts';
import { withWorkspace } from './workspace.ts';

const root = mkdtempSync(join(tmpdir(), 'studio-restore-'));
chmodSync(root, 0o711);
const workspace = join(root, 'workspace');
/** The database on this machine's own disk, and its shadow in the workspace. */
const env = { WORKSPACE_PATH: workspace, STUDIO_LOCAL_PATH: join(root, 'local'), STUDIO_STORAGE_PLAN: 'shadow', PORT: '1' };
const before_ = { ...process.env };

before(() => {
  mkdirSync(workspace);
  Object.assign(process.env, env);
});
after(() => {
  for (const name of Object.keys(env)) {
    if (before_[name] === undefined) delete process.env[name];
    else process.env[name] = before_[name];
  }
  rmSync(root, { recursive: true, force: true });
});

const load = (): Promise<LoadedConfig> => loadConfig({ env: process.env, file: {} });

/** Does it with the database as the next start finds it. */
async function names(change?: string): Promise<string[]> {
  return withWorkspace(await load(), async ({ open, connections }) => {
    await migrate({ owner: connections.owner });
    const { engine } = open();
    if (change !== undefined) await engine.query(`insert into orgs (id, name) values ($1, $1)`, [change]);
    return (await engine.query<{ name: string }>('select name from orgs order by name')).rows.map(({ name }) => name);
  });
}

test(
  'a restore into a workspace on the shadow plan is what the next start opens, with a new shadow; and is taken back with the old one',
  { timeout: 170_000 },
  async () => {
    await names('first');
    assert.equal(await backup(['create', '--no-verify']), 0);
    assert.deepEqual(await names('second'), ['first', 'second']);
    const [id = ''] = await listIds(openPlace((await load()).config));
    assert.equal(await backup(['restore', id]), 0);
    assert.deepEqual(await names(), ['first']);
    assert.ok(existsSync(join(workspace, 'pg-shadow', 'state.json')));
    assert.equal(await backup(['restore', '--undo']), 0);
    assert.deepEqual(await names(), ['first', 'second']);
  },
);
