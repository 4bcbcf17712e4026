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
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  return colon > 0 ? { key: text.slice(0, colon), value: text.slice(colon + 1) } : fail('invalid_query', `label: write key:value, not "${text}".`);
}

type InstanceFilterText = { readonly [Key in keyof typeof instanceFilter]?: z.infer<(typeof instanceFilter)[Key]> };

/** Which instances a query means. @throws AppError invalid_query */
export function instanceFilterOf(query: InstanceFilterText): Omit<InstanceFilter, 'orgId' | 'ids'> {
  const { status, workflowId, tag, label, startedBy, test = 'false', since, until } = query;
  return {
    statuses: statusesOf(status, instanceStatuses),
    workflowId,
    tag,
    label: labelOf(label),
    startedBy,
    test: test === 'all' ? undefined : test === 'true',
    since,
    until,
  };
}
