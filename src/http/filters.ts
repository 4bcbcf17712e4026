/** Filters of lists, as text in a query. */
import type * as z from 'zod';
import type { instanceFilter } from '../contract/instances.ts';
import { instanceStatuses } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';
import type { InstanceFilter } from '../store/instance-filter.ts';

/** `a,b` of a closed list; undefined: any. @param name of the query's key  @throws AppError invalid_query */
export function statusesOf(text: string | undefined, allowed: readonly string[], name = 'status'): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const wanted = text.split(',').map((status) => status.trim());
  const unknown = wanted.find((status) => !allowed.includes(status));
  if (unknown !== undefined) fail('invalid_query', `${name}: "${unknown}" is none of ${allowed.join(', ')}.`);
  return wanted;
}

/** `key:value`. @throws AppError invalid_query */
export function labelOf(text: string | undefined): { readonly key: string; readonly value: string } | undefined {
  return text === undefined ? undefined : aLabelOf(text);
}

function aLabelOf(text: string): { readonly key: string; readonly value: string } {
  const colon = text.indexOf(':');
  return colon > 0 ? { key: text.slice(0, colon), value: text.slice(colon + 1) } : fail('invalid_query', `label: write key:value, not "${text}".`);
}

type InstanceFilterText = { readonly [Key in keyof typeof instanceFilter]?: z.infer<(typeof instanceFilter)[Key]> };

/** Which instances a query means. @param asOf how long what has not ended took is counted to now  @throws AppError invalid_query */
export function instanceFilterOf(query: InstanceFilterText, asOf: Date): Omit<InstanceFilter, 'orgId' | 'ids'> {
  const { status, workflowId, tag, label, startedBy, test = 'false', since, until, search, minDurationMs, maxDurationMs } = query;
  return {
    statuses: statusesOf(status, instanceStatuses),
    workflowId,
    tag,
    labels: label?.split('\n').map(aLabelOf),
    startedBy,
    test: test === 'all' ? undefined : test === 'true',
    since,
    until,
    words: search === undefined ? undefined : wordsOf(search),
    duration: minDurationMs === undefined && maxDurationMs === undefined ? undefined : { minMs: minDurationMs, maxMs: maxDurationMs, asOf },
  };
}

/** Words; in quotes one may hold spaces. More than `MAX_WORDS` are one too many. @throws AppError invalid_query */
function wordsOf(text: string): readonly string[] {
  const words = (text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []).map((word) => word.replaceAll('"', '')).filter((word) => word !== '');
  return words.length <= MAX_WORDS ? words : fail('invalid_query', `search has ${words.length} words; at most ${MAX_WORDS} are looked for at once`);
}

/** Each is held against every text of every row. */
const MAX_WORDS = 8;
