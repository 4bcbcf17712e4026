/** Lists of instances, newest first, however few match: the rows are looked through in stretches of what an index holds in order, until the page is full or
 *  the time is over. Never reads more than a stretch at once. The one thing to know: a page may hold fewer than its limit, or nothing, and still have a next. */
import type { InstanceSummary } from '../contract/instances.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Sql } from './client.ts';
import { filterValues, idsOf, MATCHES, type InstanceFilter } from './instance-filter.ts';
import { idsLabelled, TOP } from './instance-labels.ts';
import { SEEN_SEQ, SUMMARY, toSummary, type SummaryRow } from './instance-rows.ts';

export interface InstanceSearch extends InstanceFilter {
  /** The `next` of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
  /** Default: until the page is full or nothing is left. */
  readonly budgetMs?: number | undefined;
  /** Rows of the first stretch; later ones take as many as their time allows. */
  readonly stretch?: number | undefined;
}

export interface FoundInstances {
  readonly items: readonly InstanceSummary[];
  /** An id, of an instance that was shown or not: what comes after it has not been looked at. */
  readonly next: string | null;
  /** Set: the time was over before the page was full; everything created from then on was looked at. */
  readonly searchedTo: Date | undefined;
}

/** Enough for most filters at once, and soon read where none of it matches. */
const STRETCH = 1_000;
const MAX_STRETCH = 200_000;
/** Later stretches are made as long as this time allows: a search is over its budget by one of them at most. */
const STRETCH_MS = 60;

/** As one page: what matches behind `after`. */
export async function searchInstances(sql: Sql, search: InstanceSearch, clock: Pick<Clock, 'monotonic'>): Promise<FoundInstances> {
  const end = clock.monotonic() + (search.budgetMs ?? Number.POSITIVE_INFINITY);
  const bounds = boundsOf(search);
  const ids = await knownIds(sql, search);
  const values = await filterValues(sql, { ...search, ids });
  if (ids !== undefined) return pageOf(await readMatches(sql, values, { from: '', to: bounds.to, limit: search.limit + 1 }), search.limit);
  const source = await shortestSource(sql, search, bounds);
  const found: InstanceSummary[] = [];
  let { to } = bounds;
  let rows = search.stretch ?? STRETCH;
  for (;;) {
    const begun = clock.monotonic();
    // Serial: where a stretch ends is where the next begins.
    const edge = await edgeOf(sql, source, { to, rows });
    const isLast = edge === undefined || edge.id < bounds.from;
    const from = isLast ? bounds.from : edge.id;
    found.push(...(await readMatches(sql, values, { from, to, limit: search.limit + 1 - found.length })));
    if (isLast || found.length > search.limit) return pageOf(found, search.limit);
    const isFirst = to === bounds.to;
    to = edge.id;
    // Labels of which the newest stretch does not fill a page may be rare.
    const labelled = isFirst && search.labels !== undefined ? await idsLabelled(sql, { labels: search.labels, below: to, limit: fewOf(search) }) : undefined;
    if (labelled !== undefined) {
      const rest = await filterValues(sql, { ...search, ids: labelled });
      found.push(...(await readMatches(sql, rest, { from: bounds.from, to, limit: search.limit + 1 - found.length })));
      return pageOf(found, search.limit);
    }
    const now = clock.monotonic();
    if (now >= end) return { items: found, next: to, searchedTo: edge.created_at };
    rows = Math.min(MAX_STRETCH, Math.max(search.stretch ?? STRETCH, Math.round(rows * Math.min(8, STRETCH_MS / Math.max(1, now - begun)))));
  }
}

interface Bounds {
  /** On and above. */
  readonly from: string;
  /** Below. */
  readonly to: string;
}

function boundsOf({ after, since, until, words }: InstanceSearch): Bounds {
  const time = idsOf({ since, until });
  // A word that begins like an id and goes on is one, or its beginning.
  const prefixes = (words ?? []).map((word) => word.toLowerCase()).filter((word) => /^inst_[0-9a-z]{1,25}$/.test(word));
  const tops = [after, time.to, ...prefixes.map((prefix) => `${prefix}~`)].filter((id) => id !== undefined);
  return { from: [time.from ?? '', ...prefixes].toSorted().at(-1) ?? '', to: tops.toSorted()[0] ?? TOP };
}

/** The ids that can match at all, where the filter names them. */
async function knownIds(sql: Sql, { ids, words, orgId }: InstanceSearch): Promise<readonly string[] | undefined> {
  if (ids !== undefined) return ids;
  const id = words?.map((word) => word.toLowerCase()).find((word) => /^inst_[0-9a-z]{26}$/.test(word));
  if (id === undefined) return undefined;
  const { rows } = await sql.query<{ id: string }>(
    `(select id from instances where org_id = $1 and id = $2)
     union all (select id from instances where org_id = $1 and parent_id = $2 order by id desc limit $3)
     union all (select id from instances where org_id = $1 and rerun_of = $2 order by id desc limit $3)`,
    [orgId, id, MAX_RELATED],
  );
  return rows.length === 0 ? undefined : rows.map((row) => row.id);
}

/** Of one instance: those it called, and its reruns. */
const MAX_RELATED = 5_000;

/** A source with fewer rows is read to its end at once. */
function fewOf({ stretch }: InstanceSearch): number {
  return 5 * (stretch ?? STRETCH);
}

/** What an index holds in the order of ids. A statement each: word for word as the indexes say it. */
const EDGE = `select i.id, i.created_at from instances i where i.org_id = $1 and i.id < $2`;
const NTH = `order by i.id desc offset $3 limit 1`;
const edges = {
  all: `${EDGE} ${NTH}`,
  workflow: `${EDGE} and i.workflow_id = $4 ${NTH}`,
  open: `${EDGE} and i.status in ('pending', 'running', 'waiting', 'paused') ${NTH}`,
  failed: `${EDGE} and i.status in ('failed', 'cancelled') ${NTH}`,
  tests: `${EDGE} and i.is_test ${NTH}`,
} as const;

interface Source {
  readonly name: keyof typeof edges;
  readonly orgId: string;
  readonly workflowId?: string | undefined;
}

/** Every source that holds all matches is good; the one that ends soonest is best. */
async function shortestSource(sql: Sql, search: InstanceSearch, { to }: Bounds): Promise<Source> {
  const { orgId, statuses, workflowId, test } = search;
  const isWithin = (set: readonly string[]): boolean => statuses?.every((status) => set.includes(status)) === true;
  const narrow: Source[] = [
    ...(test === true ? [{ name: 'tests' as const, orgId }] : []),
    ...(isWithin(['failed', 'cancelled']) ? [{ name: 'failed' as const, orgId }] : []),
    ...(isWithin(['pending', 'running', 'waiting', 'paused']) ? [{ name: 'open' as const, orgId }] : []),
    ...(workflowId === undefined ? [] : [{ name: 'workflow' as const, orgId, workflowId }]),
  ];
  for (const source of narrow.length > 1 ? narrow : [])
    // Serial: the first that ends is taken.
    if ((await edgeOf(sql, source, { to, rows: fewOf(search) })) === undefined) return source;
  return narrow[0] ?? { name: 'all', orgId };
}

/** The last of this many rows of a source; undefined: it holds fewer. */
async function edgeOf(
  sql: Sql,
  source: Source,
  stretch: { readonly to: string; readonly rows: number },
): Promise<{ readonly id: string; readonly created_at: Date } | undefined> {
  const { rows } = await sql.query<{ id: string; created_at: Date }>(edges[source.name], [
    source.orgId,
    stretch.to,
    stretch.rows - 1,
    ...(source.workflowId === undefined ? [] : [source.workflowId]),
  ]);
  return rows[0];
}

/** The newest that match between two ids. */
async function readMatches(sql: Sql, values: readonly unknown[], stretch: Bounds & { readonly limit: number }): Promise<InstanceSummary[]> {
  const { rows } = await sql.query<SummaryRow>(
    `with i as materialized (
       select ${COLUMNS} from instances i where i.id >= $16 and i.id < $17 and ${MATCHES} order by i.id desc limit $18
     ) select ${SUMMARY}, ${SEEN_SEQ} from i join workflows w on w.id = i.workflow_id order by i.id desc`,
    [...values, stretch.from, stretch.to, stretch.limit],
  );
  return rows.map(toSummary);
}

const COLUMNS = `i.id, i.workflow_id, i.version, i.status, i.error, i.waiting, i.labels, i.priority, i.started_by, i.rerun_of, i.parent_id, i.parent_path,
  i.parent_generation, i.debug, i.is_test, i.created_at, i.started_at, i.ended_at, i.seq`;

function pageOf(found: readonly InstanceSummary[], limit: number): FoundInstances {
  const items = found.slice(0, limit);
  return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null, searchedTo: undefined };
}
