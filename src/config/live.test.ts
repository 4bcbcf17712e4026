import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setEnvValue } from './env-file.ts';
import { createLiveConfig } from './live.ts';
import { completeConfig, loadConfig } from './load.ts';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

async function started(env: Readonly<Record<string, string>> = {}) {
  const workspace = mkdtempSync(join(tmpdir(), 'studio-live-'));
  folders.push(workspace);
  const file = join(workspace, 'studio.json');
  const write = (values: object): void => writeFileSync(file, JSON.stringify(values));
  write({});
  const load = () => loadConfig({ env: { WORKSPACE_PATH: workspace, ...env }, filePath: file, isAgain: true });
  const loaded = await load();
  const config = completeConfig(loaded.config);
  return { config, loaded, write, live: createLiveConfig({ config, loaded, load, now: () => new Date(0) }) };
}

test('what can change while Studio runs does, and who asked to hear of it hears once', async () => {
  const { config, loaded, live, write } = await started();
  const heard: string[] = [];
  live.onChange(['debug', 'logLevel'], () => heard.push(config.logLevel));
  live.onChange(['corsOrigins'], () => heard.push('cors'));
  write({ LOG_LEVEL: 'warn', RUN_RETENTION_DAYS: 7, PORT: 9123 });
  deepEqual(await live.reload(), { at: '1970-01-01T00:00:00.000Z', applied: ['LOG_LEVEL', 'RUN_RETENTION_DAYS'], needsRestart: ['PORT'], faults: [] });
  deepEqual([config.logLevel, config.runRetentionDays, config.port, loaded.config.logLevel], ['warn', 7, 8000, 'warn']);
  deepEqual(heard, ['warn']);
  // Until the restart it is told each time.
  deepEqual([(await live.reload()).applied, live.last()?.needsRestart], [[], ['PORT']]);
});

test('a configuration that would be refused changes nothing and names every fault', async () => {
  const { config, live, write } = await started();
  write({ LOG_LEVEL: 'warn', PORT: 'many', REQUEST_TIMEOUT_S: -1 });
  const { applied, faults } = await live.reload();
  deepEqual([applied, faults.length, config.logLevel], [[], 2, 'info']);
  write({ LOG_LEVEL: 'warn' });
  deepEqual((await live.reload()).applied, ['LOG_LEVEL']);
});

test('a secret that was made at the start is no change, one that was set is', async () => {
  const { config, live } = await started();
  const made = config.jwtSecretKey;
  deepEqual((await live.reload()).needsRestart, []);
  setEnvValue(config.workspacePath, 'JWT_SECRET_KEY', 'f'.repeat(64));
  deepEqual((await live.reload()).needsRestart, ['JWT_SECRET_KEY']);
  equal(config.jwtSecretKey, made);
});

test('a port does not begin to speak TLS under those who are connected', async () => {
  const { live, write } = await started();
  write({ TLS_CERT_FILE: '/tls/cert', TLS_KEY_FILE: '/tls/key' });
  deepEqual((await live.reload()).needsRestart, ['TLS_CERT_FILE', 'TLS_KEY_FILE']);
  const secure = await started({ TLS_CERT_FILE: '/tls/cert', TLS_KEY_FILE: '/tls/key' });
  secure.write({});
  deepEqual((await secure.live.reload()).needsRestart, []);
});
