/** Rows that make a request count once: claimed before its work, ended with its answer, kept 24 h.
 *  One thing to know: a row whose holder died is taken over with the same seed, so that the work finds what its first try made. */
import type { Sql } from './client.ts';

export interface KeyScope {
  readonly orgId: string;
  readonly caller: string;
  readonly route: string;
  readonly key: string;
}

export interface ClaimedKey extends KeyScope {
  readonly requestHash: Buffer;
  readonly seed: string;
  readonly holder: string;
  readonly now: Date;
  /** Rows started before have outlived the request timeout: their work is over, one way or another. */
  readonly deadBefore: Date;
  /** Rows made before are forgotten. */
  readonly expiredBefore: Date;
}

export type KeyClaim =
  | { readonly kind: 'mine'; readonly seed: string; readonly attempt: number }
  | { readonly kind: 'done'; readonly status: number; readonly response: Buffer }
  | { readonly kind: 'in_flight'; readonly holder: string; readonly attempt: number }
  | { readonly kind: 'different' };

/** Claims a key: for the first time, after its expiry, or from a holder that died. */
export async function claimIdempotencyKey(sql: Sql, key: ClaimedKey): Promise<KeyClaim> {
  const inserted = await sql.query<{ seed: string; attempt: number }>(
    `insert into idempotency_keys as k (org_id, caller, route, key, request_hash, seed, holder, started_at, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
     on conflict (org_id, caller, route, key) do update set request_hash = excluded.request_hash, seed = excluded.seed, holder = excluded.holder,
       started_at = excluded.started_at, created_at = excluded.created_at, attempt = 1, status = null, response = null
     where k.created_at < $9 returning seed, attempt`,
    [key.orgId, key.caller, key.route, key.key, key.requestHash, key.seed, key.holder, key.now, key.expiredBefore],
  );
  if (inserted.rows[0] !== undefined) return { kind: 'mine', ...inserted.rows[0] };
  const { rows } = await sql.query<{ request_hash: Buffer; holder: string; attempt: number; status: number | null; response: Buffer | null }>(
    `select request_hash, holder, attempt, status, response from idempotency_keys where org_id = $1 and caller = $2 and route = $3 and key = $4`,
    [key.orgId, key.caller, key.route, key.key],
  );
  const [row] = rows;
  // Released between the two statements: to the caller that is one that is being worked on.
  if (row === undefined) return { kind: 'in_flight', holder: '', attempt: 0 };
  if (!row.request_hash.equals(key.requestHash)) return { kind: 'different' };
  if (row.status !== null) return { kind: 'done', status: row.status, response: row.response ?? Buffer.alloc(0) };
  return (await takeOver(sql, key, false)) ?? { kind: 'in_flight', holder: row.holder, attempt: row.attempt };
}

/** Takes a row in flight whose holder is gone. @param force the caller knows it is: it is the holder itself, and not at work on it */
export async function takeOver(
  sql: Sql,
  key: Pick<ClaimedKey, keyof KeyScope | 'holder' | 'now' | 'deadBefore'>,
  force: boolean,
): Promise<KeyClaim | undefined> {
  const { rows } = await sql.query<{ seed: string; attempt: number }>(
    `update idempotency_keys k set holder = $5, started_at = $6, attempt = k.attempt + 1
     where org_id = $1 and caller = $2 and route = $3 and key = $4 and status is null
       and (k.started_at < $7 or ($8 and k.holder = $5)
         or (k.holder like 'own\\_%' and k.holder <> $5 and not exists (select 1 from owners o where o.id = k.holder and o.beat_at > now() - interval '20 seconds')))
     returning seed, attempt`,
    [key.orgId, key.caller, key.route, key.key, key.holder, key.now, key.deadBefore, force],
  );
  return rows[0] === undefined ? undefined : { kind: 'mine', ...rows[0] };
}

/** Keeps the answer. Only the newest try may. */
export async function endIdempotencyKey(
  sql: Sql,
  end: KeyScope & { readonly attempt: number; readonly status: number; readonly response: Buffer },
): Promise<void> {
  await sql.query(
    `update idempotency_keys set status = $6, response = $7 where org_id = $1 and caller = $2 and route = $3 and key = $4 and attempt = $5 and status is null`,
    [end.orgId, end.caller, end.route, end.key, end.attempt, end.status, end.response],
  );
}

/** Forgets a key whose request did nothing. */
export async function releaseIdempotencyKey(sql: Sql, key: KeyScope & { readonly attempt: number }): Promise<void> {
  await sql.query(`delete from idempotency_keys where org_id = $1 and caller = $2 and route = $3 and key = $4 and attempt = $5 and status is null`, [
    key.orgId,
    key.caller,
    key.route,
    key.key,
    key.attempt,
  ]);
}

export async function deleteOldIdempotencyKeys(sql: Sql, before: Date): Promise<void> {
  await sql.query(`delete from idempotency_keys where created_at < $1`, [before]);
}
