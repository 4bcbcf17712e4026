/** Identity and http behind a real listener on a database of its own, without engine, jobs or files: for tests of who gets in and how. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { createApp, type HttpConfig } from '../http/app.ts';
import type { Route } from '../http/route.ts';
import { apiKeyRoutes } from '../http/routes/api-keys.ts';
import { auditRoutes } from '../http/routes/audit.ts';
import { authRoutes } from '../http/routes/auth.ts';
import { inviteRoutes } from '../http/routes/invites.ts';
import { memberRoutes } from '../http/routes/members.ts';
import { openapiRoutes } from '../http/routes/openapi.ts';
import { secretRoutes } from '../http/routes/secrets.ts';
import { settingsRoutes } from '../http/routes/settings.ts';
import { userRoutes } from '../http/routes/users.ts';
import { createStaticUi } from '../http/static.ts';
import { endpoints } from '../contract/index.ts';
import { createIdentity, type Identity, type IdentityParts } from '../identity/identity.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { createListener } from '../store/listen.ts';
import { createApiClient, send, type ApiClient, type ApiReply, type CallOptions } from './api-client.ts';
import { silentLog, testDatabase, type TestDatabase } from './database.ts';

export const JWT_SECRET = 'jwt-secret-of-the-tests-jwt-secret-of-the-tests';
export const ENCRYPTION_KEY = 'encryption-key-of-the-tests-encryption-key';
export const ADMIN = { email: 'ada@example.com', password: 'a long enough password 42', name: 'Ada' };

export interface Door {
  readonly url: string;
  readonly port: number;
  readonly identity: Identity;
  readonly database: Database;
  readonly store: TestDatabase;
  readonly workspacePath: string;
  readonly anonymous: ApiClient;
  /** Everything that was logged. */
  logged(): string;
  call(method: string, path: string, options?: CallOptions): Promise<ApiReply>;
  /** The first administrator, made by the claim link and signed in; made once. */
  admin(): Promise<ApiClient>;
  close(): Promise<void>;
}

export interface DoorOptions {
  readonly clock?: Clock;
  readonly http?: Partial<HttpConfig>;
  readonly identity?: Partial<IdentityParts>;
  /** Routes beside those of identity. */
  readonly routes?: (identity: Identity) => readonly Route[];
  /** The built UI. */
  readonly uiFolder?: string;
  /** A second process on the first one's database. */
  readonly beside?: Door;
  readonly isDraining?: () => boolean;
}

export async function openDoor(options: DoorOptions = {}): Promise<Door> {
  const clock = options.clock ?? systemClock;
  const store = options.beside?.store ?? (await testDatabase());
  const database = options.beside === undefined ? store.database : store.open();
  const workspacePath = mkdtempSync(join(tmpdir(), 'studio-door-'));
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', destination: { write: (line) => void lines.push(line) } });
  const notifications = createListener({ connect: store.roles.engine, clock: systemClock, log: silentLog });
  const identity = createIdentity({
    database,
    clock,
    log,
    jwtSecret: JWT_SECRET,
    encryptionKey: ENCRYPTION_KEY,
    workspacePath,
    defaultOrigin: 'http://localhost:8000',
    listen: notifications.listen,
    ...options.identity,
  });
  const app = createApp({
    routes: [...identityRoutes(identity), ...(options.routes?.(identity) ?? [])],
    identity,
    database,
    log,
    clock,
    config: { corsOrigins: [], allowedHosts: [], proxy: null, requestTimeoutMs: 120_000, ...options.http },
    ui: options.uiFolder === undefined ? undefined : createStaticUi(options.uiFolder),
    isDraining: options.isDraining,
    checkReplies: true,
  });
  const listener = getRequestListener((request, env) => app.fetch(request, env), { errorHandler: () => app.badRequest() });
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const anonymous = createApiClient(url);
  let admin: Promise<ApiClient> | undefined;
  return {
    url,
    port,
    identity,
    database,
    store,
    workspacePath,
    anonymous,
    logged: () => lines.join(''),
    call: (method, path, call = {}) => send(url, method, path, call),
    admin: () => (admin ??= claimFirst(identity, anonymous)),
    async close() {
      identity.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await notifications.stop();
      if (options.beside === undefined) await store.close();
      rmSync(workspacePath, { recursive: true, force: true });
    },
  };
}

function identityRoutes(identity: Identity): readonly Route[] {
  return [
    ...authRoutes(identity),
    ...userRoutes(identity),
    ...apiKeyRoutes(identity),
    ...memberRoutes(identity),
    ...inviteRoutes({ ...identity, mailNow: async () => undefined }),
    ...secretRoutes(identity),
    ...settingsRoutes({ settings: identity.settings, notify: { faultOf: () => undefined } }),
    ...auditRoutes(identity),
    ...openapiRoutes({ specs: endpoints, version: '0.0.0' }),
  ];
}

/** The claim link's token. @throws when there is a user already */
export async function claimToken(identity: Identity): Promise<string> {
  const first = await identity.firstAdmins.ensure();
  const token = first.kind === 'claim' ? new URL(first.url).hash.slice('#token='.length) : '';
  if (token === '') throw new Error(`there is no claim link: ${first.kind}`);
  return token;
}

async function claimFirst(identity: Identity, anonymous: ApiClient): Promise<ApiClient> {
  const signedIn = await anonymous.expect(201, 'POST', '/api/v1/auth/claim', { token: await claimToken(identity), ...ADMIN });
  return createApiClient(anonymous.url, String(signedIn['accessToken']));
}

/** Adds a person over the API, changes the temporary password, signs in. */
export async function addPerson(door: Door, role: string, email: string): Promise<{ userId: string; password: string; client: ApiClient }> {
  await door.admin();
  const made = await (await signIn(door)).expect(201, 'POST', '/api/v1/orgs/current/members', { email, name: email, role });
  const temporary = String(made['temporaryPassword']);
  const first = await door.anonymous.expect(200, 'POST', '/api/v1/auth/login', { email, password: temporary });
  const password = `her own long password of ${role} 7`;
  await createApiClient(door.url, String(first['accessToken'])).expect(204, 'POST', '/api/v1/users/me/password', {
    currentPassword: temporary,
    newPassword: password,
  });
  const member = made['member'] as { userId: string };
  return { userId: member.userId, password, client: await signIn(door, email, password) };
}

/** A new session. */
export async function signIn(door: Pick<Door, 'anonymous' | 'url'>, email: string = ADMIN.email, password: string = ADMIN.password): Promise<ApiClient> {
  const reply = await door.anonymous.expect(200, 'POST', '/api/v1/auth/login', { email, password });
  return createApiClient(door.url, String(reply['accessToken']));
}
