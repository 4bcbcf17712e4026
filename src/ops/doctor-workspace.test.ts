import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { completeConfig, loadConfig } from '../config/load.ts';
import { probeStorage } from '../supervise/storage.ts';
import { checklistOf } from './checklist.ts';
import { lookAtDrops, lookAtKeys, lookAtVolumeClock } from './doctor-workspace.ts';

const workspacePath = mkdtempSync(join(tmpdir(), 'studio-doctor-'));
after(() => rmSync(workspacePath, { recursive: true, force: true }));
const storage = await probeStorage({ workspacePath, account: undefined, localPath: join(workspacePath, 'local') });
const config = completeConfig((await loadConfig({ env: { WORKSPACE_PATH: workspacePath }, file: {} })).config);
const noModes = { facts: { ...storage.facts, keepsMode: false } };

test('keys that others can read are a warning, with the way out that the volume allows', () => {
  equal(lookAtKeys(config, storage).verdict, 'ok');
  chmodSync(join(workspacePath, '.env'), 0o644);
  deepEqual([lookAtKeys(config, storage).verdict, lookAtKeys(config, storage).remedy], ['warning', `chmod 600 ${workspacePath}/.env`]);
  match(lookAtKeys(config, noModes).remedy ?? '', /in the environment/);
  chmodSync(join(workspacePath, '.env'), 0o600);
});

test('the drop folder is named, wherever it has to be', () => {
  equal(lookAtDrops(config, storage).about, join(workspacePath, 'jobs/drop/pending'));
  match(lookAtDrops({ ...config, localPath: '/disk' }, noModes).about, /^\/disk\/[0-9a-f]{12}\/drop\/pending: on this machine/);
  match(lookAtDrops({ ...config, dropFolder: false }, storage).about, /^off/);
});

test('a volume whose clock is another is told by how much; nothing stays there', () => {
  equal(lookAtVolumeClock(config, () => Date.now()).verdict, 'ok');
  match(lookAtVolumeClock(config, () => Date.now() + 300_000).about, /(299|300|301) s behind this machine's/);
  ok(readdirSync(workspacePath).every((name) => !name.startsWith('.doctor')));
});

test('the checklist ticks off what is so, says what to do about the rest, and asks what nobody can see', () => {
  const facts = { config, findings: [lookAtKeys(config, storage)], isRunning: false, isHealthy: null, isClaimed: false, backup: null };
  const stateOf = (given: typeof facts | (Omit<typeof facts, 'backup'> & { backup: { at: string; isProved: boolean } }), name: string) =>
    checklistOf(given).find((item) => item.name === name)?.state;
  deepEqual(
    ['keys', 'environment', 'HTTPS', 'running', 'healthy', 'backup', 'from outside'].map((name) => stateOf(facts, name)),
    ['done', 'open', 'open', 'open', 'open', 'open', 'ask'],
  );
  const ready = {
    ...{ ...facts, isRunning: true, isHealthy: true as unknown as null, isClaimed: true, backup: { at: '2026-01-01T00:00:00Z', isProved: true } },
    config: { ...config, env: 'production' as const, tlsCertFile: '/cert', backupTarget: 's3://b/p', backupPassphrase: 'x', smtpUrl: 'smtps://h' },
  };
  ok(checklistOf(ready).every(({ state }) => state !== 'open'));
});
