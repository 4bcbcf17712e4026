import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setEnvValue } from '../../config/env-file.ts';
import { endpoints } from '../../contract/index.ts';
import type { Compliance } from '../../contract/compliance.ts';
import { hashPassword } from '../../identity/passwords.ts';
import { transportOf } from '../../ops/compliance-transport.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { makeCertificate, noCertificates } from '../../test/certificate.ts';

const COMPLIANCE = '/api/v1/system/compliance';
const TOKEN = 'hook-token-that-nobody-may-read';

let app: TestApp;
before(async () => {
  app = await startApp();
});
after(() => app.close());

const reportOf = async (from: TestApp): Promise<Compliance> => (await from.people.superAdmin.client.expect(200, 'GET', COMPLIANCE)) as unknown as Compliance;
const hostsOf = ({ outgoing }: Compliance, kind: string): readonly string[] => outgoing.find((row) => row.kind === kind)?.hosts ?? ['no such row'];
const placeOf = ({ places }: Compliance, name: string) => places.filter((place) => place.class === name).map(({ where, plan }) => ({ where, plan }));

test('it is for super administrators alone', async () => {
  equal((await app.people.admin.client.call('GET', COMPLIANCE)).status, 403);
  equal((await app.anonymous.call('GET', COMPLIANCE)).status, 401);
});

test('as it comes nothing leaves the machine but what people ask for, and every folder of the workspace is named', async () => {
  mkdirSync(join(app.workspace, 'left-by-somebody'));
  const report = await reportOf(app);
  for (const kind of ['backups', 'traces', 'logs', 'mail', 'alerts', 'notifications', 'models', 'tunnel', 'pod', 'start_gate', 'updates'])
    deepEqual(hostsOf(report, kind), [], kind);
  deepEqual(placeOf(report, 'files')[0], { where: join(app.workspace, 'files'), plan: null });
  deepEqual(placeOf(report, 'backups'), [{ where: join(app.workspace, 'backups'), plan: null }]);
  deepEqual(placeOf(report, 'other'), [{ where: join(app.workspace, 'left-by-somebody'), plan: null }]);
  ok(report.places.every(({ where, disk }) => !where.startsWith('/') || (disk?.totalBytes ?? 0) > 0));
  deepEqual([report.transport.scheme, report.transport.certificate, report.transport.proxy.isTrusted], ['http', null, false]);
  match(report.encryption.keySource, /CREDENTIAL_ENCRYPTION_KEY in .*\.env, made at the first start/);
});

test('it says how values are sealed and hashed, and holds neither a key nor a value', async () => {
  await app.people.superAdmin.client.expect(200, 'PUT', '/api/v1/secrets/COUNTED', { value: TOKEN });
  const report = await reportOf(app);
  deepEqual([report.encryption.algorithm, report.encryption.keyDerivation], ['aes-256-gcm', 'hkdf-sha256']);
  deepEqual(
    report.encryption.sealed.find(({ what }) => what === 'secrets'),
    { what: 'secrets', count: 1, unreadable: 0 },
  );
  const [, algorithm, version, cost] = (await hashPassword('a phrase of some words')).split('$');
  ok(report.hashing.some((row) => row.what === 'passwords' && row.algorithm === `${algorithm} ${version} ${cost}` && (row.count ?? 0) > 0));
  const text = JSON.stringify(report);
  for (const secret of [TOKEN, app.config.credentialEncryptionKey, app.config.jwtSecretKey, app.config.postgresPassword, app.config.workerSharedSecret])
    ok(!text.includes(secret));
});

test('what people set while it runs shows at the next look: hosts of webhooks without their tokens, times, and the configuration read again', async () => {
  const { client } = app.people.superAdmin;
  const before = await reportOf(app);
  await client.expect(200, 'PATCH', '/api/v1/settings', {
    publicOrigin: 'https://studio.example',
    allowedHosts: ['printer.lan'],
    notifications: [{ on: ['failed'], channel: 'webhook', url: `https://hooks.example:8443/${TOKEN}` }],
  });
  await client.expect(200, 'PUT', '/api/v1/system/disk/retention', { jobs: 7 });
  setEnvValue(app.workspace, 'RUN_RETENTION_DAYS', '11');
  setEnvValue(app.workspace, 'PROXY_FIX_ENABLED', 'true');
  setEnvValue(app.workspace, 'PROXY_FIX_X_FOR', '2');
  await client.expect(200, 'POST', '/api/v1/system/reload');
  const after = await reportOf(app);
  const daysOf = ({ retention }: Compliance, name: string) => retention.find((row) => row.class === name)?.days;
  deepEqual([daysOf(before, 'instances'), daysOf(after, 'instances')], [90, 11]);
  deepEqual([daysOf(before, 'jobs'), daysOf(after, 'jobs')], [90, 7]);
  deepEqual([after.transport.proxy.isTrusted, after.transport.proxy.hops.for, after.transport.publicOrigin], [true, 2, 'https://studio.example']);
  deepEqual([hostsOf(after, 'notifications'), hostsOf(after, 'workflows')], [['hooks.example:8443'], ['printer.lan']]);
  ok(!JSON.stringify(after).includes(TOKEN));
});

test('another configuration makes another report: where backups, traces and mail go', async () => {
  const other = await startApp({
    env: {
      BACKUP_TARGET: 's3://vault/studio',
      BACKUP_S3_ENDPOINT: 'https://s3.example:9000',
      BACKUP_S3_ACCESS_KEY_ID: 'id-of-the-key',
      BACKUP_S3_SECRET_ACCESS_KEY: 'secret-of-the-key',
      BACKUP_PASSPHRASE: 'some words that nobody knows',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://traces.example:4318/in',
      SMTP_URL: 'smtps://mailer:mail-password@mail.example',
      STUDIO_VENV_PATH: '/var/tmp/studio-venvs-of-a-test',
    },
  });
  try {
    const report = await reportOf(other);
    deepEqual(
      ['backups', 'traces', 'mail'].map((kind) => hostsOf(report, kind)),
      [['s3.example:9000'], ['traces.example:4318'], ['mail.example']],
    );
    deepEqual(placeOf(report, 'backups'), [{ where: 's3://vault/studio', plan: null }]);
    deepEqual(placeOf(report, 'environments'), [{ where: '/var/tmp/studio-venvs-of-a-test', plan: null }]);
    equal(report.encryption.backups.isSealed, true);
    const text = JSON.stringify(report);
    for (const secret of ['mail-password', 'secret-of-the-key', 'some words that nobody knows']) ok(!text.includes(secret), secret);
  } finally {
    await other.close();
  }
});

test('the certificate in force is told, or why there is none', { skip: noCertificates }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'studio-compliance-'));
  try {
    const { cert, key } = makeCertificate(folder, 'studio.example');
    const at = { publicOrigin: null, connection: { tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384', isSocket: false, passwordEncryption: 'scram-sha-256' } };
    const told = transportOf({ ...app.config, tlsCertFile: cert, tlsKeyFile: key }, at);
    deepEqual([told.scheme, told.certificate?.subject, told.database], ['https', 'CN=studio.example', 'TLSv1.3 TLS_AES_256_GCM_SHA384']);
    rmSync(key);
    const broken = transportOf({ ...app.config, tlsCertFile: cert, tlsKeyFile: key }, at);
    equal(broken.certificate, null);
    match(broken.certificateFault ?? '', /TLS_KEY_FILE .*studio\.example\.key can't be read/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('each call that it names exists', async () => {
  const known = new Set<string>(endpoints.map(({ key }) => key));
  deepEqual(
    (await reportOf(app)).rights.filter(({ call }) => !known.has(call)),
    [],
  );
});
