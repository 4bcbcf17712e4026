/** Search for the command palette. Reads under the caller's org alone. */
import { searchEndpoints, searchKinds, type SearchHit } from '../../contract/search.ts';
import type { SqlPool } from '../../store/client.ts';
import {
  findInstancesById,
  findInstancesByLabel,
  newestInstances,
  searchErrors,
  searchFiles,
  searchJobs,
  searchModels,
  searchNodes,
  searchWorkflows,
} from '../../store/search.ts';
import { labelOf, statusesOf } from '../filters.ts';
import { routesOf, type Route } from '../route.ts';

type Kind = (typeof searchKinds)[number];
type Found = Awaited<ReturnType<typeof searchFiles>>;

interface Asked {
  readonly orgId: string;
  /** As typed, and in lower case. */
  readonly text: string;
  readonly words: string;
  readonly label: { readonly key: string; readonly value: string } | undefined;
  readonly limit: number;
}

export function searchRoutes(): readonly Route[] {
  return routesOf(searchEndpoints, {
    'GET /api/v1/search': async (call) => {
      const { q, kinds, limit } = call.query;
      const wanted = (statusesOf(kinds, searchKinds, 'kinds') ?? searchKinds) as readonly Kind[];
      const asked: Asked = { orgId: call.caller.orgId, text: q, words: q.toLowerCase(), label: /^[^:]+:./.test(q) ? labelOf(q) : undefined, limit };
      const found = await Promise.all(wanted.map(async (kind) => (await finders[kind](call.sql, asked)).map((hit) => hitOf(kind, hit))));
      return { body: { items: found.flat() } };
    },
  });
}

const finders: Readonly<Record<Kind, (sql: SqlPool, asked: Asked) => Promise<Found>>> = {
  workflow: workflowsLike,
  instance: instancesLike,
  job: searchJobs,
  model: searchModels,
  file: searchFiles,
};

async function workflowsLike(sql: SqlPool, asked: Asked): Promise<Found> {
  const named = await searchWorkflows(sql, asked);
  return named.length >= asked.limit ? named : firstOfEach([...named, ...(await searchNodes(sql, asked))], asked.limit);
}

async function instancesLike(sql: SqlPool, asked: Asked): Promise<Found> {
  const { orgId, words, label, limit } = asked;
  // An id is asked for by its beginning; `~` stands behind every character of one.
  const byId = words.startsWith('inst_') ? await findInstancesById(sql, { orgId, from: words, to: `${words}~`, limit }) : [];
  const byLabel = label === undefined ? [] : await findInstancesByLabel(sql, { orgId, label, limit });
  if (byId.length + byLabel.length >= limit) return firstOfEach([...byId, ...byLabel], limit);
  const workflows = await searchWorkflows(sql, asked);
  const ofWorkflows = await newestInstances(sql, { orgId, workflowIds: workflows.filter(({ matched }) => matched === 'name').map(({ id }) => id) });
  return firstOfEach([...byId, ...byLabel, ...ofWorkflows, ...(await searchErrors(sql, asked))], limit);
}

function firstOfEach(hits: Found, limit: number): Found {
  const seen = new Map<string, Found[number]>();
  for (const hit of hits) if (!seen.has(hit.id)) seen.set(hit.id, hit);
  return [...seen.values()].slice(0, limit);
}

function hitOf(kind: Kind, { id, title, matched, detail, status, at }: Found[number]): SearchHit {
  return { kind, id, title, matched, ...(detail === null ? {} : { detail }), ...(status === null ? {} : { status }), at: at.toISOString() };
}
