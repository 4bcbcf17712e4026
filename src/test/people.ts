/** People of a test app: one per role in the first org, and one of another org who is super administrator of the machine, so that only
 *  the wall between orgs, and no missing role, keeps them out. */
import { randomBytes } from 'node:crypto';
import type { Role } from '../contract/values.ts';
import { hashPassword } from '../identity/passwords.ts';
import { newId } from '../kernel/ids.ts';
import type { Database } from '../store/client.ts';
import { insertMember } from '../store/members.ts';
import { insertUser } from '../store/users.ts';
import { createApiClient, type ApiClient } from './api-client.ts';

export interface Person {
  readonly userId: string;
  readonly orgId: string;
  readonly email: string;
  readonly role: Role;
  /** Signed in, with an access token. */
  readonly client: ApiClient;
}

export const PASSWORD = 'a long enough password 42';

export interface People {
  readonly superAdmin: Person;
  readonly admin: Person;
  readonly user: Person;
  /** Of another org. */
  readonly stranger: Person;
}

/** Makes them past the API (which has one org), then signs each in over it. */
export async function createPeople(database: Database, url: string): Promise<People> {
  const passwordHash = await hashPassword(PASSWORD);
  const home = await insertOrg(database, 'Home');
  const elsewhere = await insertOrg(database, 'Elsewhere');
  const make = async (role: Role, orgId: string, name: string): Promise<Person> => {
    const userId = newId('user');
    const email = `${name}@example.com`;
    const now = new Date();
    await database.engine.transaction(async (sql) => {
      await insertUser(sql, { id: userId, email, name, passwordHash, isSuperAdmin: role === 'super_admin', passwordChangeRequired: false, now });
      await insertMember(sql, { orgId, userId, role: role === 'super_admin' ? 'admin' : role, now });
    });
    return { userId, orgId, email, role, client: await signIn(url, email) };
  };
  return {
    superAdmin: await make('super_admin', home, 'super'),
    admin: await make('admin', home, 'admin'),
    user: await make('user', home, 'user'),
    stranger: await make('super_admin', elsewhere, 'stranger'),
  };
}

async function insertOrg(database: Database, name: string): Promise<string> {
  const id = newId('org');
  await database.engine.query('insert into orgs (id, name) values ($1, $2)', [id, name]);
  return id;
}

/** A new session of that person. */
export async function signIn(url: string, email: string): Promise<ApiClient> {
  const signedIn = await createApiClient(url).expect(200, 'POST', '/api/v1/auth/login', { email, password: PASSWORD });
  return createApiClient(url, String(signedIn['accessToken']));
}

/** The cookie of a new browser session of that person, as a Cookie header. */
export async function signInBrowser(url: string, email: string): Promise<string> {
  const reply = await createApiClient(url).call('POST', '/api/v1/auth/login', {
    body: { email, password: PASSWORD },
    headers: { 'x-studio-client': 'web', origin: url },
  });
  const cookie = reply.headers['set-cookie']?.split(';')[0];
  if (reply.status !== 200 || cookie === undefined) throw new Error(`a browser could not sign in: ${reply.status} ${reply.text}`);
  return cookie;
}

/** An API key of that person. */
export async function createKey(person: Person, scopes: readonly string[]): Promise<ApiClient> {
  const made = await person.client.expect(201, 'POST', '/api/v1/api-keys', { name: `key ${randomBytes(3).toString('hex')}`, scopes });
  return createApiClient(person.client.url, String(made['key']));
}
