import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from '../contract/caller.ts';
import { scope as scopeSchema } from '../contract/api-keys.ts';
import { endpoints } from '../contract/index.ts';
import { policy, refusalOf } from './policy.ts';

const caller = (part: Partial<Caller>): Caller => ({
  userId: 'user_1',
  orgId: 'org_1',
  role: 'user',
  scopes: null,
  via: 'token',
  sessionId: 'sess_1',
  keyId: null,
  ...part,
});
const rules = Object.entries(policy);

test('every endpoint has a rule, and every rule an endpoint', () => {
  assert.deepEqual(rules.map(([key]) => key).toSorted(), endpoints.map(({ key }) => key).toSorted());
});

test('at most twelve routes are open to everybody', () => {
  assert.ok(rules.filter(([, rule]) => 'access' in rule).length <= 12);
});

test('every scope of the table can be given to a key', () => {
  for (const [key, rule] of rules) if (!('access' in rule) && rule.scope !== null) assert.ok(scopeSchema.safeParse(rule.scope).success, key);
});

test('a role includes those below it and none above', () => {
  const rule = { role: 'admin', scope: 'members:read' } as const;
  assert.match(refusalOf(rule, caller({ role: 'user' })) ?? '', /role admin/);
  assert.equal(refusalOf(rule, caller({ role: 'admin' })), undefined);
  assert.equal(refusalOf(rule, caller({ role: 'super_admin' })), undefined);
});

test('an API key needs the role and the scope', () => {
  const rule = { role: 'admin', scope: 'members:read' } as const;
  assert.match(refusalOf(rule, caller({ role: 'admin', scopes: ['members:write'] })) ?? '', /scope members:read/);
  assert.match(refusalOf(rule, caller({ role: 'user', scopes: ['members:read'] })) ?? '', /role admin/);
  assert.equal(refusalOf(rule, caller({ role: 'admin', scopes: ['members:read'] })), undefined);
  assert.equal(refusalOf(rule, caller({ role: 'admin', scopes: ['*'] })), undefined);
});

test('what is for persons is closed to keys of narrower scope than everything', () => {
  assert.match(refusalOf({ role: 'user', scope: null }, caller({ scopes: ['users:read', 'users:write'] })) ?? '', /signed-in person/);
  assert.equal(refusalOf({ role: 'user', scope: null }, caller({ scopes: null })), undefined);
});

test('commands and the machine are for super administrators', () => {
  for (const key of ['POST /api/v1/jobs', 'PATCH /api/v1/queues/{name}', 'POST /api/v1/services/{name}/stop'] as const) {
    const rule = policy[key];
    assert.ok(!('access' in rule) && rule.role === 'super_admin', key);
  }
});
