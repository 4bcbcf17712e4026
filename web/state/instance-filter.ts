/** The filter of instances: its terms, what the server is asked for, and which rows belong to it. Pure. */
import type { InstanceSummary } from '../../src/contract/instances.ts';
import type { Filter } from '../route.ts';
import { matchesLabels, matchesTerm, matchesWords } from './filter.ts';

/** Terms that the list knows. */
export const instanceTerms = ['status', 'workflow', 'trigger', 'tag', 'label', 'test', 'since', 'until'] as const;

/** Terms with one value at a time. */
const single: readonly string[] = ['workflow', 'trigger', 'tag', 'test', 'since', 'until'];

export interface InstanceQuery {
  readonly status?: string;
  readonly workflowId?: string;
  readonly tag?: string;
  readonly label?: string;
  readonly startedBy?: string;
  readonly test?: 'true' | 'false' | 'all';
  readonly since?: string;
  readonly until?: string;
}

/** What the server filters; words and further labels are matched on the rows that came. */
export function instanceQuery(filter: Filter, nowMs: number): InstanceQuery {
  const one = (name: string): string | undefined => filter.terms[name]?.[0];
  const label = one('label');
  const test = one('test');
  const given: { [Name in keyof InstanceQuery]: InstanceQuery[Name] | undefined } = {
    status: filter.terms['status']?.join(','),
    workflowId: one('workflow'),
    tag: one('tag'),
    // The server wants key:value; a bare key is matched here.
    label: label?.includes(':') === true ? label : undefined,
    startedBy: one('trigger'),
    test: test === 'true' || test === 'false' || test === 'all' ? test : undefined,
    since: timeOf(one('since'), nowMs),
    until: timeOf(one('until'), nowMs),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== ''));
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `90m`, `24h`, `7d` before now, or a date, or a time; undefined: none of them. @returns ISO 8601, UTC */
export function timeOf(text: string | undefined, nowMs: number): string | undefined {
  if (text === undefined) return undefined;
  const ago = /^(\d{1,5})([smhdw])$/.exec(text);
  if (ago !== null) return new Date(nowMs - Number(ago[1]) * (UNITS_MS[ago[2] ?? ''] ?? 0)).toISOString();
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** What is wrong with the filter as typed, in words; undefined: nothing. */
export function filterFault(filter: Filter): string | undefined {
  const several = single.find((name) => (filter.terms[name]?.length ?? 0) > 1);
  if (several !== undefined) return `“${several}:” takes one value; the list shows the first.`;
  const badTime = ['since', 'until'].find((name) => filter.terms[name]?.[0] !== undefined && timeOf(filter.terms[name][0], 0) === undefined);
  if (badTime !== undefined) return `“${badTime}:” takes a time such as 24h, 7d or 2026-01-31, not “${filter.terms[badTime]?.[0] ?? ''}”.`;
  const bare = filter.terms['label']?.find((label) => !label.includes(':'));
  return bare === undefined ? undefined : `“label:${bare}” is looked for in the rows that are loaded; label:key:value asks the server.`;
}

/** True when the row belongs to what the filter asks for, as far as the row says; a workflow's tags it does not say. */
export function matchesInstance(row: InstanceSummary, filter: Filter, nowMs: number): boolean {
  const trigger = filter.terms['trigger']?.[0];
  const test = filter.terms['test']?.[0] ?? 'false';
  const since = timeOf(filter.terms['since']?.[0], nowMs);
  const until = timeOf(filter.terms['until']?.[0], nowMs);
  return (
    matchesTerm(filter, 'status', row.status) &&
    matchesTerm(filter, 'workflow', row.workflowId) &&
    (trigger === undefined || row.startedBy === trigger || row.startedBy.startsWith(`${trigger}:`)) &&
    (test === 'all' || (row.isTest === true) === (test === 'true')) &&
    (since === undefined || row.createdAt >= since) &&
    (until === undefined || row.createdAt < until) &&
    matchesLabels(filter, row.labels) &&
    matchesWords(filter, [row.id, row.workflowName, row.startedBy, row.error?.message ?? '', row.error?.code ?? ''])
  );
}

/** True when only the server can tell whether a new row belongs to the list. */
export function asksServer(filter: Filter): boolean {
  return filter.terms['tag'] !== undefined;
}

/** A term set to this value, or taken away when it has it; several values only where the server takes several. */
export function toggleInstanceTerm(filter: Filter, name: string, value: string): Filter {
  const values = filter.terms[name] ?? [];
  const { [name]: _old, ...rest } = filter.terms;
  const next = values.includes(value) ? values.filter((each) => each !== value) : single.includes(name) ? [value] : [...values, value];
  return { words: filter.words, terms: next.length === 0 ? rest : { ...rest, [name]: next } };
}

/** The filter narrowed to a part of time; `undefined` takes that away. Minutes are as fine as an address needs. */
export function withTimes(filter: Filter, part: { readonly fromMs: number; readonly toMs: number } | undefined): Filter {
  const { since: _since, until: _until, ...rest } = filter.terms;
  if (part === undefined) return { words: filter.words, terms: rest };
  const at = (ms: number, round: (value: number) => number): string => `${new Date(round(ms / 60_000) * 60_000).toISOString().slice(0, 16)}Z`;
  return { words: filter.words, terms: { ...rest, since: [at(part.fromMs, Math.floor)], until: [at(part.toMs, Math.ceil)] } };
}

/** A word put in or taken out. */
export function toggleWord(filter: Filter, word: string): Filter {
  return { terms: filter.terms, words: filter.words.includes(word) ? filter.words.filter((each) => each !== word) : [...filter.words, word] };
}
