/** Parts of long maps and loops, by the numbers of their items: what a list draws that holds only what is in sight. Reading only.
 *  Every step is looked up by its whole path: a walk over an instance's rows would take as long as the instance is large. */
import type { StepOutline } from '../contract/instance-views.ts';
import type { ItemCounts } from '../contract/instances.ts';
import type { StepStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { OUTLINE } from './step-outlines.ts';
import { keyOfPath, outlineOf } from './steps.ts';
import type { StepColumns } from './stored-steps.ts';

/** `path`: of the map, loop or item. `keys`: of the nodes in its body. */
interface OfBody {
  readonly orgId: string;
  readonly instanceId: string;
  readonly path: string;
  readonly keys: readonly string[];
}

// LIMIT: the time of an item is that of its first fifty nodes; more lookups would make a window slow to draw.
const MOST_KEYS = 50;

interface ItemRow extends Omit<StepColumns, 'generation'> {
  generation: number | null;
  item: string;
  first_at: Date | null;
  last_at: Date | null;
}

/** These items, as far as they began, in the order asked for. An item spans its steps; one that has not ended has no row of its own and is shown as running. */
export async function readItemOutlines(sql: Sql, of: OfBody & { readonly indexes: readonly number[] }): Promise<StepOutline[]> {
  const { rows } = await sql.query<ItemRow>(
    `select asked.item, own.*, span.first_at, span.last_at from unnest($3::text[]) with ordinality asked (item, at)
     left join lateral (
       select ${OUTLINE} from steps s where s.instance_id = $1 and s.org_id = $2 and s.path = asked.item order by s.generation desc limit 1
     ) own on true
     left join lateral (
       select min(coalesce(s.started_at, s.queued_at)) as first_at, max(s.ended_at) as last_at from steps s
       where s.instance_id = $1 and s.org_id = $2 and s.path = any (array(select asked.item || '/' || each.key from unnest($4::text[]) each (key)))
     ) span on true
     where own.path is not null or span.first_at is not null order by asked.at`,
    [of.instanceId, of.orgId, of.indexes.map((index) => `${of.path}[${index}]`), of.keys.slice(0, MOST_KEYS)],
  );
  return rows.map((row) => {
    const { generation, item, first_at, last_at, ...own } = row;
    const startedAt = first_at?.toISOString() ?? null;
    if (generation === null)
      return { key: keyOfPath(item), path: item, generation: 1, status: 'running', attempt: 1, queuedAt: null, startedAt, endedAt: null, seq: 0 };
    return { ...outlineOf({ ...own, generation }), startedAt, endedAt: own.ended_at === null ? null : (last_at ?? own.ended_at).toISOString() };
  });
}

/** The steps directly in an item, newest generation each, in the order of their last change. */
export async function readStepsOfItem(sql: Sql, of: OfBody): Promise<StepOutline[]> {
  const { rows } = await sql.query<StepColumns>(
    `select newest.* from unnest($3::text[]) asked (path) cross join lateral (
       select ${OUTLINE} from steps s where s.instance_id = $1 and s.org_id = $2 and s.path = asked.path order by s.generation desc limit 1
     ) newest order by newest.seq`,
    [of.instanceId, of.orgId, of.keys.map((key) => `${of.path}/${key}`)],
  );
  return rows.map(outlineOf);
}

/** A map of the most items that a map may have. */
const MOST_INDEXES = 100_000;

/** The numbers of the items of a map or loop that stand so, from the first. */
export async function listItemIndexes(sql: Sql, of: Omit<OfBody, 'keys'> & { readonly statuses: readonly StepStatus[] }): Promise<number[]> {
  const { rows } = await sql.query<{ index: number }>(
    `select index from (
       select distinct on (s.path) substr(s.path, length($3) + 1, length(s.path) - length($3) - 1)::int as index, s.status from steps s
       where s.instance_id = $1 and s.org_id = $2 and starts_with(s.path, $3) and position('/' in substr(s.path, length($3) + 1)) = 0
       order by s.path, s.generation desc
     ) newest where status = any ($4) order by index limit $5`,
    [of.instanceId, of.orgId, `${of.path}[`, of.statuses, MOST_INDEXES],
  );
  return rows.map((row) => row.index);
}

/** How many items of a map, or rounds of a loop, stand how; and of a map, how many it has. */
export async function countItems(sql: Sql, body: Omit<OfBody, 'keys'>): Promise<ItemCounts> {
  const { rows } = await sql.query<{ status: StepStatus; count: number }>(
    `select status, count(*)::int as count from (
       select distinct on (s.path) s.status from steps s where s.instance_id = $1 and s.org_id = $2 and starts_with(s.path, $3) and position('/' in substr(s.path, length($3) + 1)) = 0
       order by s.path, s.generation desc
     ) newest group by status`,
    [body.instanceId, body.orgId, `${body.path}[`],
  );
  return {
    total: rows.reduce((sum, row) => sum + row.count, 0),
    counts: Object.fromEntries(rows.map((row) => [row.status, row.count])),
    count: (await readItemTotals(sql, { ...body, paths: [body.path] })).get(body.path) ?? null,
  };
}

/** By the path of a map that began: how many items it has. Loops have no number. */
export async function readItemTotals(
  sql: Sql,
  of: { readonly orgId: string; readonly instanceId: string; readonly paths: readonly string[] },
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql.query<{ path: string; count: number }>(
    `select asked.path, newest.count from unnest($3::text[]) asked (path) cross join lateral (
       select (s.details::json ->> 'count')::int as count, s.details::json -> 'how' ->> 'kind' as kind from steps s
       where s.instance_id = $1 and s.org_id = $2 and s.path = asked.path order by s.generation desc limit 1
     ) newest where newest.kind = 'map' and newest.count is not null`,
    [of.instanceId, of.orgId, of.paths],
  );
  return new Map(rows.map((row) => [row.path, row.count]));
}
