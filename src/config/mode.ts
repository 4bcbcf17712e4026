/** Embedded or managed: whose PostgreSQL a DATABASE_URL means. Pure over who listens where.
 *  One on this machine with nothing behind it is the embedded server, which then listens there and gets that login and database. */
import { describeHolder, type PortHolder } from '../kernel/port-holder.ts';
import type { DatabaseConfig, Values } from './schema.ts';

export interface DatabaseDecision {
  readonly database: DatabaseConfig;
  /** For `config explain`: why. */
  readonly reason: string;
  readonly notices: readonly string[];
}

export const DEFAULT_DATABASE = 'selfhost_studio';

export function isLocal(host: string): boolean {
  return ['localhost', '127.0.0.1', '::1', '[::1]', '0.0.0.0'].includes(host);
}

export function decideDatabase(values: Values, findHolder: (port: number) => PortHolder | undefined): DatabaseDecision {
  if (values.databaseUrl === undefined) return { database: { kind: 'embedded', name: DEFAULT_DATABASE }, reason: 'DATABASE_URL is not set', notices: [] };
  if (values.databaseUrl === 'embedded') return { database: { kind: 'embedded', name: DEFAULT_DATABASE }, reason: 'DATABASE_URL says so', notices: [] };
  const url = new URL(values.databaseUrl);
  const name = decodeURIComponent(url.pathname.slice(1)) || DEFAULT_DATABASE;
  if (url.pathname === '' || url.pathname === '/') url.pathname = `/${DEFAULT_DATABASE}`;
  if (!isLocal(url.hostname))
    return { database: { kind: 'managed', url: url.href }, reason: `DATABASE_URL names ${url.hostname || 'a socket'}, which is not this machine`, notices: [] };
  const port = Number(url.port || 5432);
  const holder = findHolder(port);
  if (holder !== undefined && !isOurs(holder, values.workspaceId)) {
    const reason = `DATABASE_URL names this machine, where ${describeHolder(holder)} listens on port ${port}; it is not this workspace's PostgreSQL`;
    return { database: { kind: 'managed', url: url.href }, reason, notices: [`${reason}: used as a managed database.`] };
  }
  const login = { name: decodeURIComponent(url.username) || 'postgres', password: decodeURIComponent(url.password) || (values.postgresPassword ?? '') };
  return {
    database: { kind: 'embedded', name, tcpPort: port, ...(login.password === '' ? {} : { login }) },
    reason: `DATABASE_URL names this machine, and nothing else listens on port ${port}: the embedded PostgreSQL listens on 127.0.0.1:${port} with that login and database`,
    notices: [],
  };
}

/** An orphan of a killed Studio of this workspace: it will be stopped at start. */
function isOurs(holder: PortHolder, workspaceId: string | undefined): boolean {
  return workspaceId !== undefined && holder.arguments.includes(`cluster_name=studio-${workspaceId}`);
}
