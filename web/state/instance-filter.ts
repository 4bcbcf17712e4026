/** The filter of instances: its terms, what the server is asked for, and which rows belong to it. Pure. */
import type { InstanceSummary } from '../../src/contract/instances.ts';
import type { Filter } from '../route.ts';
import { matchesLabels, matchesTerm, matchesWords } from './filter.ts';

/** Terms that the list knows. */
export const instanceTerms = ['status', 'workflow', 'trigger', 'tag', 'label', 'duration', 'test', 'since', 'until'] as const;

/** Terms with one value at a time. */
const single: readonly string[] = ['workflow', 'trigger', 'tag', 'duration', 'test', 'since', 'until'];

export interface InstanceQuery {
  readonly status?: string;
  readonly workflowId?: string;
  readonly tag?: string;
  readonly label?: string;
  readonly startedBy?: string;
  readonly test?: 'true' | 'false' | 'all';
  readonly since?: string;
  readonly until?: string;
  readonly search?: string;
  readonly minDurationMs?: number;
  readonly maxDurationMs?: number;
}

/** What the server filters: all but bare keys of labels, which are matched on the rows that came. */
export function instanceQuery(filter: Filter, nowMs: number): InstanceQuery {
  const one = (name: string): string | undefined => filter.terms[name]?.[0];
  const labels = filter.terms['label']?.filter((label) => label.includes(':')) ?? [];
  const test = one('test');
  const duration = durationOf(one('duration'));
  const given: { [Name in keyof InstanceQuery]: InstanceQuery[Name] | undefined } = {
    status: filter.terms['status']?.join(','),
    workflowId: one('workflow'),
    tag: one('tag'),
    // One a line.
    label: labels.length === 0 ? undefined : labels.join('\n'),
    startedBy: one('trigger'),
    test: test === 'true' || test === 'false' || test === 'all' ? test : undefined,
    since: timeOf(one('since'), nowMs),
    until: timeOf(one('until'), nowMs),
    search: filter.words.map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(' '),
    minDurationMs: duration?.minMs,
    maxDurationMs: duration?.maxMs,
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

const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, ...UNITS_MS };

/** `>10s`, `<1.5m`, `10s..1m`; undefined: none of them. */
export function durationOf(text: string | undefined): { readonly minMs?: number; readonly maxMs?: number } | undefined {
  const ms = (part: string): number | undefined => {
    const found = /^(\d{1,9}(?:\.\d{1,3})?)(ms|[smhdw])$/.exec(part);
    return found === null ? undefined : Number(found[1]) * (DURATION_MS[found[2] ?? ''] ?? 0);
  };
  const [from, to] = /^[<>]/.test(text ?? '') ? [] : (text ?? '').split('..');
  const minMs = ms(from ?? /^>=?(.+)$/.exec(text ?? '')?.[1] ?? '');
  const maxMs = ms(to ?? /^<(.+)$/.exec(text ?? '')?.[1] ?? '');
  if (from !== undefined && (minMs === undefined || maxMs === undefined)) return undefined;
  return minMs === undefined && maxMs === undefined ? undefined : { ...(minMs === undefined ? {} : { minMs }), ...(maxMs === undefined ? {} : { maxMs }) };
}

/** "As long as this or longer": two digits of it. */
export function asLongAs(ms: number): string {
  const [unit, size] = ms >= 36e5 ? ['h', 36e5] : ms >= 60_000 ? ['m', 60_000] : ms >= 1_000 ? ['s', 1_000] : ['ms', 1];
  const figure = ms / Number(size);
  return `>${figure < 10 && unit !== 'ms' ? Math.floor(figure * 10) / 10 : Math.floor(figure)}${unit}`;
}

/** More words, or more text, than the server takes. */
const MAX_WORDS = 8;
const MAX_SEARCH = 200;

/** What is wrong with the filter as typed, in words; undefined: nothing. */
export function filterFault(filter: Filter): string | undefined {
  const several = single.find((name) => (filter.terms[name]?.length ?? 0) > 1);
  if (several !== undefined) return `“${several}:” takes one value; the list shows the first.`;
  const badTime = ['since', 'until'].find((name) => filter.terms[name]?.[0] !== undefined && timeOf(filter.terms[name][0], 0) === undefined);
  if (badTime !== undefined) return `“${badTime}:” takes a time such as 24h, 7d or 2026-01-31, not “${filter.terms[badTime]?.[0] ?? ''}”.`;
  const duration = filter.terms['duration']?.[0];
  if (duration !== undefined && durationOf(duration) === undefined) return `“duration:” takes >10s, <1m or 10s..1m, not “${duration}”.`;
  if (filter.words.length > MAX_WORDS || filter.words.join(' ').length > MAX_SEARCH)
    return `At most ${MAX_WORDS} words, ${MAX_SEARCH} characters in all, are looked for at once.`;
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
    matchesDuration(filter, row, nowMs) &&
    matchesWords(filter, textsOf(row))
  );
}

function matchesDuration(filter: Filter, row: Pick<InstanceSummary, 'startedAt' | 'endedAt'>, nowMs: number): boolean {
  const wanted = durationOf(filter.terms['duration']?.[0]);
  if (wanted === undefined) return true;
  if (row.startedAt === null) return false;
  const took = (row.endedAt === null ? nowMs : Date.parse(row.endedAt)) - Date.parse(row.startedAt);
  return took >= (wanted.minMs ?? 0) && took < (wanted.maxMs ?? Number.POSITIVE_INFINITY);
}

/** What words are looked for in; the server looks in the same. */
function textsOf(row: InstanceSummary): readonly string[] {
  const { error, waiting } = row;
  return [
    ...[row.id, row.rerunOf ?? '', row.parent?.instanceId ?? '', row.workflowName, row.startedBy],
    ...(error === undefined ? [] : [error.code, error.message, error.step ?? '']),
    ...(waiting === undefined ? [] : [waiting.kind, waiting.message]),
    ...Object.entries(row.labels).flat(),
  ];
}

/** True when only the server can tell whether a new row belongs to the list, or when time alone lets one belong to it. */
export function asksServer(filter: Filter): boolean {
  return filter.terms['tag'] !== undefined || filter.terms['duration'] !== undefined;
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
