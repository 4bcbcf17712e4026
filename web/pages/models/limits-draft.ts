/** Limits of models as they are typed: empty is not limited. Pure. */
import type { ModelLimits } from '../../../src/contract/model-limits.ts';

export const limitFields = [
  { name: 'requestsPerMinute', title: 'Requests a minute', most: 1_000_000 },
  { name: 'tokensPerMinute', title: 'Tokens a minute', most: 1_000_000_000 },
  { name: 'concurrent', title: 'At the same time', most: 10_000 },
] as const;

type LimitName = (typeof limitFields)[number]['name'];
export type LimitsDraft = Readonly<Record<LimitName, string>>;

export function draftOfLimits(limits: ModelLimits | null): LimitsDraft {
  const text = (name: LimitName): string => String(limits?.[name] ?? '');
  return { requestsPerMinute: text('requestsPerMinute'), tokensPerMinute: text('tokensPerMinute'), concurrent: text('concurrent') };
}

/** What is wrong with one as it is typed; undefined: nothing. */
export function limitFault(typed: string, most: number): string | undefined {
  if (typed.trim() === '') return undefined;
  return /^\d+$/.test(typed.trim()) && Number(typed) >= 1 && Number(typed) <= most
    ? undefined
    : `A whole number from 1 to ${most.toLocaleString('en')}, or nothing.`;
}

/** undefined: something is wrong with it. */
export function limitsOfDraft(draft: LimitsDraft): ModelLimits | undefined {
  if (limitFields.some(({ name, most }) => limitFault(draft[name], most) !== undefined)) return undefined;
  return Object.fromEntries(limitFields.flatMap(({ name }) => (draft[name].trim() === '' ? [] : [[name, Number(draft[name])]])));
}

/** `60 requests, 10,000 tokens a minute, 4 at the same time`; undefined: nothing is limited. */
export function limitWords(limits: ModelLimits | null): string | undefined {
  if (limits === null) return undefined;
  const figure = (value: number): string => value.toLocaleString('en');
  const minute = [
    limits.requestsPerMinute === undefined ? '' : `${figure(limits.requestsPerMinute)} requests`,
    limits.tokensPerMinute === undefined ? '' : `${figure(limits.tokensPerMinute)} tokens`,
  ].filter((part) => part !== '');
  const parts = [
    ...(minute.length === 0 ? [] : [`${minute.join(', ')} a minute`]),
    ...(limits.concurrent === undefined ? [] : [`${figure(limits.concurrent)} at the same time`]),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}
