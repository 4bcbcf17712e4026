import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { startDns, type DnsRecords, type TestDns } from '../test/dns-server.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { createProof } from './domain-check.ts';
import { createDomains, type DomainControl } from './domains.ts';
import { tunnelIdOf } from './tunnel-token.ts';

const TUNNEL = '0f5a2c4e-1b3d-4c5e-8f90-a1b2c3d4e5f6';
const SECRET = 'c2VjcmV0LW9mLXRoZS10dW5uZWw';
const TOKEN = Buffer.from(JSON.stringify({ a: 'account', t: TUNNEL, s: SECRET })).toString('base64');
const KEY = 'k'.repeat(64);

/** What answers at the edge: this Studio behind the tunnel, without it, somebody else, or a page. */
let reply: (challenge: string) => string = () => '';
const records = new Map<string, DnsRecords>();
let dns: TestDns;
let edge: Server;
let port = 0;
before(async () => {
  dns = await startDns(records);
  edge = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://edge');
    response.end(url.pathname === '/api/v1/system/maintenance' ? reply(url.searchParams.get('challenge') ?? '') : '');
  });
  edge.listen(0, '127.0.0.1');
  await once(edge, 'listening');
  port = (edge.address() as AddressInfo).port;
});
after(async () => {
  await dns.close();
  edge.closeAllConnections();
  edge.close();
});

function domainsOf(
  given: { readonly token?: string | undefined; readonly names?: readonly string[]; readonly publicOrigin?: string; readonly port?: number } = {},
): DomainControl {
  return createDomains({
    config: { cloudflareTunnelToken: 'token' in given ? given.token : TOKEN, tunnelDomains: given.names ?? ['studio.example.com'], jwtSecretKey: KEY },
    clock: fakeClock(Date.UTC(2026, 0)),
    services: { list: () => [] },
    publicOrigin: async () => given.publicOrigin ?? null,
    resolver: dns.resolver,
    originOf: (domain) => `http://${domain}:${given.port ?? port}`,
  });
}

const proved = createProof(KEY);
const asTunnelled = (challenge: string): string => JSON.stringify({ identity: { proof: proved(challenge), isTunnelled: true } });
const verdictOf = async (domains: DomainControl): Promise<string> => (await domains.verify('studio.example.com')).verdict;

test('each domain comes with the record that it needs; the token is told to nobody', async () => {
  const list = await domainsOf({ publicOrigin: 'https://lab.example.org' }).list();
  deepEqual(list.tunnel, { isSet: true, id: TUNNEL, target: `${TUNNEL}.cfargotunnel.com`, state: null });
  deepEqual(
    list.items.map(({ domain, setBy, record, last }) => [domain, setBy, record?.value, last]),
    [
      ['studio.example.com', 'CLOUDFLARE_TUNNEL_DOMAINS', `${TUNNEL}.cfargotunnel.com`, null],
      ['lab.example.org', 'the public address', `${TUNNEL}.cfargotunnel.com`, null],
    ],
  );
  ok(!JSON.stringify(list).includes(SECRET) && !JSON.stringify(list).includes(TOKEN));
});

test('without a tunnel, or with a token of another kind, there is no record to tell; an address is no domain', async () => {
  const without = await domainsOf({ token: undefined, publicOrigin: 'https://lab.example.org' }).list();
  deepEqual([without.tunnel.isSet, without.items.map(({ domain, record }) => [domain, record])], [false, [['studio.example.com', null]]]);
  const odd = await domainsOf({ token: 'no-such-token', publicOrigin: 'http://10.0.0.7:8000' }).list();
  deepEqual([odd.tunnel.isSet, odd.tunnel.id, odd.items.length], [true, null, 1]);
  for (const token of ['', 'bm90IGpzb24=', Buffer.from('{"t":"../../x"}').toString('base64'), Buffer.from('null').toString('base64')])
    equal(tunnelIdOf(token), undefined);
});

test('a domain is verified by who answers: this Studio through the tunnel, this one beside it, or another', async () => {
  const domains = domainsOf();
  records.clear();
  equal(await verdictOf(domains), 'does_not_resolve');
  match((await domains.verify('studio.example.com')).message, new RegExp(`Add the CNAME ${TUNNEL}\\.cfargotunnel\\.com`));

  // Proxied: addresses of the edge, and no CNAME to be seen.
  records.set('studio.example.com', { a: ['127.0.0.1'] });
  reply = asTunnelled;
  const good = await domains.verify('Studio.Example.com.');
  deepEqual([good.verdict, good.addresses, good.cnames], ['ok', ['127.0.0.1'], []]);
  deepEqual((await domains.list()).items[0]?.last, good);

  reply = (challenge) => JSON.stringify({ identity: { proof: proved(challenge), isTunnelled: false } });
  equal(await verdictOf(domains), 'not_tunnelled');
  for (const other of [
    (challenge: string) => JSON.stringify({ identity: { proof: createProof('x'.repeat(64))(challenge), isTunnelled: true } }),
    () => JSON.stringify({ identity: { proof: proved('0'.repeat(64)), isTunnelled: true } }),
    () => '<html>parked</html>',
    () => 'null',
    () => 'x'.repeat(1_000_000),
  ]) {
    reply = other;
    equal(await verdictOf(domains), 'another_answers');
  }
});

test('a record that leads elsewhere is named, and silence is told with what to look at', async () => {
  records.set('studio.example.com', { a: ['127.0.0.1'], cname: 'parking.example.net' });
  reply = () => '';
  const elsewhere = await domainsOf().verify('studio.example.com');
  deepEqual([elsewhere.verdict, elsewhere.cnames], ['points_elsewhere', ['parking.example.net']]);
  match(elsewhere.message, /It points at parking\.example\.net: make that 0f5a2c4e/);

  records.set('studio.example.com', { a: ['127.0.0.1'], cname: `${TUNNEL}.cfargotunnel.com` });
  const closed = createServer();
  closed.listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port: silent } = closed.address() as AddressInfo;
  closed.on('connection', (socket) => socket.destroy());
  const dead = await domainsOf({ port: silent }).verify('studio.example.com');
  closed.close();
  equal(dead.verdict, 'no_answer');
  match(dead.message, /Does cloudflared run/);
});

test('no other name is ever called', async () => {
  await rejects(domainsOf().verify('169.254.169.254'), /none of this Studio's domains/);
  await rejects(domainsOf().verify('localhost'), /CLOUDFLARE_TUNNEL_DOMAINS/);
});
