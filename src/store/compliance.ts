/** What a report on the handling of data asks the database: how many values are sealed, how passwords are hashed, and which addresses people wrote into settings.
 *  Across orgs: for super administrators alone. Reads no sealed value. */
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';

export interface SealedCount {
  readonly what: 'secrets' | 'credentials' | 'idempotency_replies';
  readonly count: number;
  readonly unreadable: number;
}

/** @param keyId of the key in use */
export async function countSealed(sql: Sql, keyId: string): Promise<SealedCount[]> {
  const { rows } = await sql.query<SealedCount>(
    `select 'secrets' as what, count(*) as count, count(*) filter (where key_id <> $1) as unreadable from secrets
     union all select 'credentials', count(*), count(*) filter (where key_id <> $1) from credentials
     union all select 'idempotency_replies', count(*), 0 from idempotency_keys where response is not null`,
    [keyId],
  );
  return rows;
}

/** Formats of stored password hashes (`argon2id v=19 m=…`), most of them first; no part of a salt or a hash. */
export async function countPasswordFormats(sql: Sql): Promise<{ format: string; count: number }[]> {
  const { rows } = await sql.query<{ format: string; count: number }>(
    `select concat_ws(' ', split_part(password_hash, '$', 2), split_part(password_hash, '$', 3), split_part(password_hash, '$', 4)) as format, count(*) as count
     from users group by 1 order by 2 desc, 1 limit 20`,
  );
  return rows;
}

/** Sessions, API keys and open invites: each stored as the hash of its secret. */
export async function countTokens(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(
    `select (select count(*) from sessions) + (select count(*) from api_keys) + (select count(*) from invites) as count`,
  );
  return rows[0]?.count ?? 0;
}

export interface ConnectionFacts {
  /** Null: in clear, or over a socket of this machine. */
  readonly tls: string | null;
  readonly isSocket: boolean;
  readonly passwordEncryption: string;
}

/** How this very connection reaches the server. */
export async function readConnectionFacts(sql: Sql): Promise<ConnectionFacts> {
  const { rows } = await sql.query<ConnectionFacts>(
    `select case when s.ssl then s.version || ' ' || s.cipher end as tls, inet_server_addr() is null as "isSocket",
       current_setting('password_encryption') as "passwordEncryption"
     from (select 1) one left join pg_stat_ssl s on s.pid = pg_backend_pid()`,
  );
  return rows[0] ?? { tls: null, isSocket: false, passwordEncryption: 'unknown' };
}

export interface WrittenAddresses {
  /** Of the rules of orgs and workflows that are not archived. */
  readonly webhookUrls: readonly string[];
  /** Rules that name a secret in place of a URL. */
  readonly secretWebhooks: number;
  readonly credentialHosts: readonly string[];
  /** Settings of models elsewhere. */
  readonly remoteModels: readonly Json[];
  /** Hosts that orgs may reach although they are not public. */
  readonly allowedHosts: readonly string[];
}

/** LIMIT: the first 1,000 of each kind. */
export async function readWrittenAddresses(sql: Sql): Promise<WrittenAddresses> {
  const hooks = await sql.query<{ url: string | null }>(
    `with rules as (
       select value from settings where key = 'notifications' and jsonb_typeof(value) = 'array'
       union all
       select v.definition -> 'settings' -> 'notify' from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version
       where w.archived_at is null and jsonb_typeof(v.definition -> 'settings' -> 'notify') = 'array')
     select distinct rule ->> 'url' as url from rules, jsonb_array_elements(rules.value) rule where rule ->> 'channel' = 'webhook' order by 1 limit 1000`,
  );
  const hosts = await sql.query<{ host: string }>(`select distinct unnest(hosts) as host from credentials order by 1 limit 1000`);
  const remote = await sql.query<{ settings: Json }>(`select distinct settings from models where engine = 'remote' limit 1000`);
  const allowed = await sql.query<{ host: string }>(
    `select distinct jsonb_array_elements_text(value) as host from settings where key = 'allowedHosts' and jsonb_typeof(value) = 'array' order by 1 limit 1000`,
  );
  return {
    webhookUrls: hooks.rows.flatMap(({ url }) => (url === null ? [] : [url])),
    secretWebhooks: hooks.rows.filter(({ url }) => url === null).length,
    credentialHosts: hosts.rows.map(({ host }) => host),
    remoteModels: remote.rows.map(({ settings }) => settings),
    allowedHosts: allowed.rows.map(({ host }) => host),
  };
}
