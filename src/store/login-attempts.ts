/** Failed logins, by account and by address. Subjects are hashes: people type passwords into the e-mail field. */
import type { Sql } from './client.ts';

export type AttemptKind = 'account' | 'address';

export async function insertLoginAttempts(sql: Sql, attempts: readonly { readonly kind: AttemptKind; readonly subject: string }[], now: Date): Promise<void> {
  await sql.query(`insert into login_attempts (kind, subject, at) select kind, subject, $3 from unnest($1::text[], $2::text[]) as given (kind, subject)`, [
    attempts.map((attempt) => attempt.kind),
    attempts.map((attempt) => attempt.subject),
    now,
  ]);
}

/** How often `subject` failed since `since`, and when the oldest of these was. */
export async function countLoginAttempts(
  sql: Sql,
  subject: { readonly kind: AttemptKind; readonly subject: string; readonly since: Date },
): Promise<{ count: number; oldest: Date | null }> {
  const { rows } = await sql.query<{ count: number; oldest: Date | null }>(
    `select count(*) as count, min(at) as oldest from login_attempts where kind = $1 and subject = $2 and at > $3`,
    [subject.kind, subject.subject, subject.since],
  );
  return rows[0] ?? { count: 0, oldest: null };
}

export async function deleteLoginAttempts(sql: Sql, which: { readonly kind: AttemptKind; readonly subject: string }): Promise<void> {
  await sql.query(`delete from login_attempts where kind = $1 and subject = $2`, [which.kind, which.subject]);
}

export async function deleteOldLoginAttempts(sql: Sql, before: Date): Promise<void> {
  await sql.query(`delete from login_attempts where at <= $1`, [before]);
}
