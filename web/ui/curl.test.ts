import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { curlCommand } from './curl.ts';

const base = new URL('http://studio.test/prefix/');

test('a read is one short line below the prefix', () => {
  assert.equal(
    curlCommand({ method: 'GET', path: 'api/v1/files?prefix=a' }, base),
    `curl -sS 'http://studio.test/prefix/api/v1/files?prefix=a' -H "Authorization: Bearer $STUDIO_KEY"`,
  );
});

test('a body with quotes, dollars and newlines reaches curl as it is', () => {
  const body = { text: `it's "$HOME"\nand \`pwd\`` };
  const line = curlCommand({ method: 'POST', path: '/api/v1/jobs', body }, base);
  const seen = execFileSync('sh', ['-c', `curl() { for last; do :; done; printf %s "$last"; }; ${line}`], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(seen), body);
});
