/** Run data as periods: which there are, what is past its retention, deleting it by rows and dropping it whole. Never decides when: ops/run-data.ts does.
 *  One thing to know: rows go through the parent tables under the engine's rights; tables are made and dropped by two functions of migration 0004. */
import type { Sql } from './client.ts';

/** Deletes what hangs on instances whose rows are gone or go in this transaction. @returns the highest sequence among their steps, 0 without any */
export async function deleteWhatHangsOn(sql: Sql, ids: readonly string[]): Promise<number> {
  const values = [[...ids]];
  const { rows } = await sql.query<{ last: number | null }>(
    `with gone as (delete from steps where instance_id = any($1) returning seq) select max(seq) as last from gone`,
    values,
  );
  await sql.query('delete from step_attempts where instance_id = any($1)', values);
  await sql.query('delete from step_logs where instance_id = any($1)', values);
  await sql.query('delete from step_items where instance_id = any($1)', values);
  await sql.query('delete from step_crashes where instance_id = any($1)', values);
  await sql.query('delete from commands where instance_id = any($1)', values);
  await sql.query('delete from artifacts where instance_id = any($1)', values);
  await sql.query('delete from jobs where instance_id = any($1)', values);
  return rows[0]?.last ?? 0;
}
