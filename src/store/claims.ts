/** The hash of the one claim link that makes the first administrator. */
import type { Sql } from './client.ts';

/** Replaces whatever claim there was. */
export async function replaceClaim(sql: Sql, tokenHash: Buffer, now: Date): Promise<void> {
  await sql.query(
    `with old as (delete from claims where token_hash <> $1) insert into claims (token_hash, created_at) values ($1, $2) on conflict do nothing`,
    [tokenHash, now],
  );
}

export async function isClaim(sql: Sql, tokenHash: Buffer): Promise<boolean> {
  const { rows } = await sql.query<{ found: boolean }>(`select exists (select 1 from claims where token_hash = $1) as found`, [tokenHash]);
  return rows[0]?.found ?? false;
}

export async function deleteClaims(sql: Sql): Promise<void> {
  await sql.query(`delete from claims`);
}
