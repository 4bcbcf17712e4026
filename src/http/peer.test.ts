import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalHost, hostOfOrigin, isAllowedHost, peerOf, type ProxyHops } from './peer.ts';

const wire = (remoteAddress: string, encrypted = false) => ({ incoming: { socket: { remoteAddress, encrypted } } });
const one: ProxyHops = { for: 1, proto: 1, host: 1, port: 1, prefix: 1 };
const spoofed = {
  host: 'studio.example',
  'x-forwarded-for': '6.6.6.6, 203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-prefix': '/p/',
};

test('without trusted proxies every forwarded header is ignored', () => {
  const peer = peerOf(new Headers(spoofed), 'http://studio.example/', wire('::ffff:198.51.100.1'), null);
  assert.deepEqual(peer, { address: '198.51.100.1', scheme: 'http', host: 'studio.example', prefix: '', isLocal: false });
});

test('hops are counted from the right: what a caller wrote in front does not count', () => {
  const peer = peerOf(new Headers(spoofed), 'http://studio.example/', wire('10.0.0.1'), one);
  assert.deepEqual(peer, { address: '203.0.113.9', scheme: 'https', host: 'evil.example', prefix: '/p', isLocal: false });
  assert.equal(
    peerOf(new Headers({ ...spoofed, 'x-forwarded-for': '1.1.1.1, 2.2.2.2, 3.3.3.3' }), 'http://x/', wire('10.0.0.1'), { ...one, for: 2 }).address,
    '2.2.2.2',
  );
});

test('a header with fewer entries than trusted hops does not count', () => {
  assert.equal(peerOf(new Headers({ host: 'x', 'x-forwarded-for': '6.6.6.6' }), 'http://x/', wire('10.0.0.1'), { ...one, for: 2 }).address, '10.0.0.1');
});

test('a forwarded port replaces that of the host', () => {
  assert.equal(peerOf(new Headers({ host: 'x:8000', 'x-forwarded-port': '9443' }), 'http://x/', wire('10.0.0.1'), one).host, 'x:9443');
});

test('a prefix with anything odd in it does not count', () => {
  for (const prefix of ['javascript:x', '//evil', '/a b', '/a/../b"'])
    assert.equal(peerOf(new Headers({ host: 'x', 'x-forwarded-prefix': prefix }), 'http://x/', wire('10.0.0.1'), one).prefix, '', prefix);
});

test('local is a loopback address, a loopback name, and no trace of a proxy', () => {
  const local = (headers: Record<string, string>, address = '127.0.0.1'): boolean => peerOf(new Headers(headers), 'http://x/', wire(address), null).isLocal;
  assert.ok(local({ host: 'localhost:8000' }));
  assert.ok(local({ host: '[::1]:8000' }, '::1'));
  assert.ok(!local({ host: 'studio.example' }));
  assert.ok(!local({ host: 'localhost', 'cf-ray': 'x' }));
  assert.ok(!local({ host: 'localhost', 'x-forwarded-for': '1.1.1.1' }));
  assert.ok(!local({ host: 'localhost' }, '198.51.100.1'));
});

test('hosts compare without case, the scheme’s own port, and a dot at the end', () => {
  for (const host of ['Studio.Example', 'studio.example:443', 'studio.example.', 'studio.example.:80'])
    assert.equal(canonicalHost(host), 'studio.example', host);
  assert.equal(canonicalHost('studio.example:8000'), 'studio.example:8000');
});

test('an origin is a scheme and a host, and nothing else', () => {
  assert.equal(hostOfOrigin('https://studio.example'), 'studio.example');
  assert.equal(hostOfOrigin('http://127.0.0.1:8000'), '127.0.0.1:8000');
  for (const origin of [
    'null',
    '',
    'studio.example',
    'file://',
    'https://studio.example/',
    'https://u@studio.example',
    'https://studio.example https://evil.example',
    'javascript:alert(1)',
  ])
    assert.equal(hostOfOrigin(origin), undefined, origin);
});

const allowed = ['studio.example', '*.pods.example', 'lan:8000'];
for (const [host, expected] of [
  ['studio.example', true],
  ['studio.example:8443', true],
  ['a.pods.example', true],
  ['pods.example', false],
  ['evilpods.example', false],
  ['lan:8000', true],
  ['lan:9000', false],
  ['studio.example.evil.example', false],
  ['evil.example', false],
  ['', false],
] as const) {
  test(`ALLOWED_HOSTS ${expected ? 'lets in' : 'keeps out'} "${host}"`, () => assert.equal(isAllowedHost(host, allowed), expected));
}
