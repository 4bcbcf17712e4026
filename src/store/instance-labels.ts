/** Finds instances by labels that few of them have, by the index of labels. Reads under an org's rights only (migration 0022). */
import type { Sql } from './client.ts';

export interface Label {
  readonly key: string;
  readonly value: string;
}

/** Behind every id of an instance. */
export const TOP = 'inst_~';

/** Of the org that `sql` is bound to: the ids below `below` (default: all) of the instances with every one of the labels, in no order.
 *  @returns undefined: more than `limit` rows of the machine have them, and reading the newest in order finds some sooner */
export async function idsLabelled(
  sql: Sql,
  query: { readonly labels: readonly Label[]; readonly below?: string; readonly limit: number },
): Promise<readonly string[] | undefined> {
  const wanted = new Map(query.labels.map(({ key, value }) => [key, value]));
  // One label has one value.
  if (query.labels.some(({ key, value }) => wanted.get(key) !== value)) return [];
  const { rows } = await sql.query<{ ids: string[] | null }>('select labelled_instances($1, $2, $3) as ids', [
    JSON.stringify(Object.fromEntries(wanted)),
    query.below ?? TOP,
    query.limit,
  ]);
  return rows[0]?.ids ?? undefined;
}
