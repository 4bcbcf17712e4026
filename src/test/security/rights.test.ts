import { deepEqual } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { scopeNouns, scopeVerbs } from '../../contract/api-keys.ts';
import { hasRole } from '../../identity/policy.ts';
import { send, type ApiClient } from '../api-client.ts';
import { startApp, type TestApp } from '../app.ts';
import { createKey, signIn, type Person } from '../people.ts';
import { guarded, pathOf, queryOf, type TestedRoute } from './routes.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
});
after(() => app.close());

const roleNames = ['superAdmin', 'admin', 'user'] as const;
/** It ends the session that calls: judged apart. */
const isEnding = (route: TestedRoute): boolean => route.key === 'POST /api/v1/auth/logout';

/** Calls with nobody's ids and an empty body: rights are decided before either is looked at. @returns whether the right was refused */
async function isRefused(route: TestedRoute, client: ApiClient): Promise<boolean> {
  const reply = await send(app.url, route.method, `${pathOf(route)}${queryOf(route)}`, {
    headers: { authorization: `Bearer ${client.token}` },
    ...(route.changes ? { body: {} } : {}),
  });
  if (reply.status === 401 || reply.status >= 500) throw new Error(`${route.key} answered ${reply.status} ${reply.text}`);
  return reply.status === 403;
}

for (const name of roleNames) {
  test(`as ${name}, a session may call exactly what the table of rights says`, async () => {
    const person = app.people[name];
    const differences: string[] = [];
    // Serial: the routes share one app.
    for (const route of guarded.filter((candidate) => !isEnding(candidate))) {
      const expected = !('role' in route.rule && hasRole(person.role, route.rule.role));
      if ((await isRefused(route, person.client)) !== expected) differences.push(`${route.key}: ${expected ? 'not refused' : 'refused'}`);
    }
    deepEqual(differences, []);
  });
}

test('a key with one scope may call exactly what that scope and the role of its owner open', async () => {
  const differences: string[] = [];
  for (const noun of scopeNouns) {
    for (const verb of scopeVerbs) {
      const scope = `${noun}:${verb}`;
      for (const name of roleNames) differences.push(...(await differencesOf(app.people[name], [scope])));
    }
  }
  deepEqual(differences, []);
});

test('a key for everything may call what the role of its owner may', async () => {
  const differences: string[] = [];
  for (const name of roleNames) differences.push(...(await differencesOf(app.people[name], ['*'])));
  deepEqual(differences, []);
});

async function differencesOf(person: Person, scopes: readonly string[]): Promise<string[]> {
  const client = await createKey(person, scopes);
  const differences: string[] = [];
  for (const route of guarded.filter((candidate) => !isEnding(candidate))) {
    if (!('role' in route.rule)) continue;
    const isInScope = scopes.includes('*') || (route.rule.scope !== null && scopes.includes(route.rule.scope));
    const expected = !(hasRole(person.role, route.rule.role) && isInScope);
    if ((await isRefused(route, client)) !== expected)
      differences.push(`${route.key} with ${scopes.join()} of ${person.role}: ${expected ? 'not refused' : 'refused'}`);
  }
  return differences;
}

test('signing out is for a session of any role', async () => {
  const client = await signIn(app.url, app.people.user.email);
  await client.expect(204, 'POST', '/api/v1/auth/logout');
  await client.expect(401, 'GET', '/api/v1/users/me');
});
