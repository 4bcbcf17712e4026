import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proposedOrigin } from './public-origin.ts';

test('on a pod the link leads through its proxy, elsewhere to this machine', () => {
  assert.equal(proposedOrigin({ podId: '8x2k0qvp1abcde', port: 8000, isTls: false }), 'https://8x2k0qvp1abcde-8000.proxy.runpod.net');
  assert.equal(proposedOrigin({ podId: undefined, port: 9000, isTls: false }), 'http://localhost:9000');
  assert.equal(proposedOrigin({ podId: undefined, port: 8443, isTls: true }), 'https://localhost:8443');
});

test('an odd pod id makes no name', () => {
  for (const podId of ['evil.example/', 'a b', '', 'x@y', '../x'])
    assert.equal(proposedOrigin({ podId, port: 8000, isTls: false }), 'http://localhost:8000', podId);
});
