import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOtherBuild } from './other-build.ts';

const page = '<base href="./" /><script type="module" src="assets/main-AB12.js"></script>';

test('a page with another entry is of another build', () => {
  assert.equal(isOtherBuild(page, 'assets/main-AB12.js'), false);
  assert.equal(isOtherBuild(page, 'assets/main-OLD9.js'), true);
});

test('what is no page of Studio says nothing', () => {
  assert.equal(isOtherBuild('<h1>Sign in to the proxy</h1>', 'assets/main-OLD9.js'), false);
});
