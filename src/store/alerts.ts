/** Rows of Studio's own alerts. They belong to no org: read with the engine's role. */
import type { AlertRule, AlertSeverity } from '../contract/values.ts';
import type { Sql } from './client.ts';

export interface AlertRow {
  readonly id: string;
  readonly rule: AlertRule;
  readonly subject: string;
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly body: string;
  readonly beganAt: Date;
  readonly firedAt: Date;
  readonly resolvedAt: Date | null;
}

const COLUMNS = `id, rule, subject, severity, title, body, began_at as "beganAt", fired_at as "firedAt", resolved_at as "resolvedAt"`;

/** @returns false when one of this rule and subject is open already */
export async function insertAlert(sql: Sql, row: AlertRow): Promise<boolean> {
  const { rowCount } = await sql.query(
    `insert into alerts (id, rule, subject, severity, title, body, began_at, fired_at, resolved_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
    [row.id, row.rule, row.subject, row.severity, row.title, row.body, row.beganAt, row.firedAt, row.resolvedAt],
  );
  return rowCount === 1;
}

/** @returns the one that was open */
export async function resolveAlert(sql: Sql, what: { readonly rule: string; readonly subject: string; readonly now: Date }): Promise<AlertRow | undefined> {
  const { rows } = await sql.query<AlertRow>(
    `update alerts set resolved_at = $3 where rule = $1 and subject = $2 and resolved_at is null returning ${COLUMNS}`,
    [what.rule, what.subject, what.now],
  );
  return rows[0];
}

export async function listOpenAlerts(sql: Sql): Promise<AlertRow[]> {
  const { rows } = await sql.query<AlertRow>(`select ${COLUMNS} from alerts where resolved_at is null order by id desc limit 500`);
  return rows;
}

/** Newest first. @param isOpen undefined: both */
export async function listAlerts(
  sql: Sql,
  query: { readonly isOpen: boolean | undefined; readonly after: string | undefined; readonly limit: number },
): Promise<AlertRow[]> {
  const { rows } = await sql.query<AlertRow>(
    `select ${COLUMNS} from alerts
     where ($1::boolean is null or (resolved_at is null) = $1) and ($2::text is null or id < $2) order by id desc limit $3`,
    [query.isOpen ?? null, query.after ?? null, query.limit],
  );
  return rows;
}

export async function deleteAlertsBefore(sql: Sql, at: Date): Promise<void> {
  await sql.query('delete from alerts where resolved_at < $1', [at]);
}
