import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setEnvValue } from '../../config/env-file.ts';
import { asObject } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';

const SECRET = 'secret-of-the-tunnel';
const TOKEN = Buffer.from(JSON.stringify({ a: 'a', t: '0f5a2c4e-1b3d-4c5e-8f90-a1b2c3d4e5f6', s: SECRET })).toString('base64');

let app: TestApp;
before(async () => {
  app = await startApp();
  // Set after the start, so that no cloudflared is looked for.
  Object.assign(app.config, { cloudflareTunnelToken: TOKEN });
});
after(() => app.close());

test('domains are for super administrators; a reload brings new ones, and the token is in no reply', async () => {
  const { superAdmin, admin } = app.people;
  equal((await admin.client.call('GET', '/api/v1/system/domains')).status, 403);
  deepEqual((await superAdmin.client.expect(200, 'GET', '/api/v1/system/domains'))['items'], []);
  setEnvValue(app.workspace, 'CLOUDFLARE_TUNNEL_DOMAINS', 'Studio.example.com, lab.example.org.');
  await superAdmin.client.expect(200, 'POST', '/api/v1/system/reload');
  const list = await superAdmin.client.expect(200, 'GET', '/api/v1/system/domains');
  deepEqual(
    (list['items'] as { domain: string }[]).map(({ domain }) => domain),
    ['studio.example.com', 'lab.example.org'],
  );
  ok(!JSON.stringify(list).includes(SECRET));
  equal((await superAdmin.client.call('POST', '/api/v1/system/domains/verify', { body: { domain: 'elsewhere.example' } })).status, 404);
  setEnvValue(app.workspace, 'CLOUDFLARE_TUNNEL_DOMAINS', 'https://studio.example.com/');
  const refused = await superAdmin.client.expect(200, 'POST', '/api/v1/system/reload');
  ok(String((refused['faults'] as string[])[0]).includes('a domain reads studio.example.com'));
});

test('anybody may ask who answers, and learns nothing by it; a request through the edge is known as one', async () => {
  const challenge = 'ab'.repeat(32);
  const path = `/api/v1/system/maintenance?challenge=${challenge}`;
  const identityOf = async (headers: Readonly<Record<string, string>>): Promise<{ proof: string; isTunnelled: boolean }> =>
    asObject((await app.anonymous.call('GET', path, { headers })).body)['identity'] as { proof: string; isTunnelled: boolean };
  const [direct, tunnelled] = [await identityOf({}), await identityOf({ 'cf-ray': '8f0-FRA' })];
  deepEqual([direct.isTunnelled, tunnelled.isTunnelled], [false, true]);
  equal(tunnelled.proof, direct.proof);
  ok(!JSON.stringify(direct).includes(app.config.jwtSecretKey));
  for (const bad of ['?challenge=', '?challenge=short', `?challenge=${'AB'.repeat(32)}`])
    equal((await app.anonymous.call('GET', `/api/v1/system/maintenance${bad}`)).status, 400, bad);
});
