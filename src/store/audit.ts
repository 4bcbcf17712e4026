/** Rows of the audit trail: inserted, never changed. */
import type { AuditEntry } from '../contract/audit.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';

export interface NewAuditEntry {
  readonly id: string;
  readonly orgId: string | null;
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly target?: string | undefined;
  readonly address?: string | undefined;
  /** Never secrets. */
  readonly details?: Readonly<Record<string, Json>> | undefined;
}

export async function insertAudit(sql: Sql, entry: NewAuditEntry): Promise<void> {
  await sql.query(`insert into audit (id, org_id, at, actor, action, target, address, details) values ($1, $2, $3, $4, $5, $6, $7, $8)`, [
    entry.id,
    entry.orgId,
    entry.at,
    entry.actor,
    entry.action,
    entry.target ?? '',
    entry.address ?? '',
    JSON.stringify(entry.details ?? {}),
  ]);
}

export async function deleteOldAudit(sql: Sql, before: Date): Promise<void> {
  await sql.query(`delete from audit where at < $1`, [before]);
}

/** A page of an org's trail, newest first. */
export async function listAudit(
  sql: Sql,
  page: {
    readonly orgId: string;
    readonly limit: number;
    readonly after?: string | undefined;
    readonly action?: string | undefined;
    readonly actor?: string | undefined;
  },
): Promise<{ items: AuditEntry[]; next: string | null }> {
  const { rows } = await sql.query<{ id: string; at: Date; actor: string; action: string; target: string; address: string; details: Record<string, Json> }>(
    `select id, at, actor, action, target, address, details from audit
     where org_id = $1 and ($2::text is null or id < $2) and ($3::text is null or action = $3) and ($4::text is null or actor = $4) order by id desc limit $5`,
    [page.orgId, page.after ?? null, page.action ?? null, page.actor ?? null, page.limit + 1],
  );
  const items = rows.slice(0, page.limit).map((row) => ({ ...row, at: row.at.toISOString() }));
  return { items, next: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

/** How often an org did something since a moment: what limits it outlives a restart and its own rows. */
export async function countAudit(sql: Sql, of: { readonly orgId: string; readonly actions: readonly string[]; readonly sinceId: string }): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(`select count(*) as count from audit where org_id = $1 and id >= $2 and action = any($3)`, [
    of.orgId,
    of.sinceId,
    of.actions,
  ]);
  return rows[0]?.count ?? 0;
}
