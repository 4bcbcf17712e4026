import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayCarry } from './egress-binding.ts';

const carries = (hosts: readonly string[], url: string): boolean => mayCarry(hosts, new URL(url));

test('a rule means its host over https at the usual port, and nothing that only looks like it', () => {
  assert.equal(carries(['api.example.com'], 'https://api.example.com/x'), true);
  for (const url of [
    'http://api.example.com/',
    'https://api.example.com:8443/',
    'https://api.example.com.evil.test/',
    'https://evil-api.example.com/',
    'https://example.com/',
    'https://api.example.com@evil.test/',
    'https://evil.test/api.example.com',
    'https://evil.test/?api.example.com',
    'https://evil.test/#api.example.com',
    'ftp://api.example.com/',
    'https://api.example.com./',
  ])
    assert.equal(carries(['api.example.com'], url), false, url);
});

test('a star means subdomains, not the name itself, and never a name that ends alike', () => {
  assert.equal(carries(['*.example.com'], 'https://a.b.example.com/'), true);
  for (const url of ['https://example.com/', 'https://evilexample.com/', 'https://.example.com.evil.test/'])
    assert.equal(carries(['*.example.com'], url), false, url);
});

test('plain HTTP needs to be said; a port is that port', () => {
  assert.equal(carries(['http://10.0.0.5:8188'], 'http://10.0.0.5:8188/prompt'), true);
  assert.equal(carries(['http://10.0.0.5:8188'], 'http://10.0.0.5:8189/'), false);
  assert.equal(carries(['http://box'], 'http://box:9000/'), true);
  assert.equal(carries(['http://box'], 'https://box/'), true);
  assert.equal(carries(['box:8443'], 'https://box:8443/'), true);
  assert.equal(carries(['http://[::1]:80'], 'http://[::1]/'), true);
});

test('no rule, and a rule that is none, allow nothing', () => {
  for (const rule of ['', '*', '*.', 'https://a.test', 'a.test/path', 'a.test@b.test', 'A.TEST', ' a.test'])
    assert.equal(carries([rule], 'https://a.test/'), false, rule);
  assert.equal(carries([], 'https://a.test/'), false);
});
