/** How many instances there are, and which of them a list holds, in words. */
import { formatCount, formatNumber } from '../ui/format.ts';
import type { Span } from './instance-stats.ts';

const spanWords: Readonly<Record<Span, string>> = { '1h': 'hour', '24h': '24 hours', '7d': '7 days', '30d': '30 days' };

export interface Listed {
  readonly listed: number;
  /** The list goes on below. */
  readonly hasMore: boolean;
  /** How many the chart counted, where it has. */
  readonly counted?: number;
  readonly span?: Span;
  /** The filter names a time of its own: list and chart are of the same. */
  readonly isNarrowed: boolean;
}

/** How many there are and which of them the list holds, in one sentence: `948 in the last 24 hours; the newest 200 are listed`. */
export function listedWords({ listed, hasMore, counted, span, isNarrowed }: Listed): string {
  const inList = hasMore ? `the newest ${formatNumber(listed)} are listed` : formatCount(listed, 'instance');
  if (counted === undefined || span === undefined || (!hasMore && counted === listed)) return inList;
  if (isNarrowed) return hasMore ? `${formatNumber(counted)} in this time; ${inList}` : inList;
  const inSpan = `${formatNumber(counted)} in the last ${spanWords[span]}`;
  return hasMore ? `${inSpan}; ${inList}` : `${inList}, ${inSpan}`;
}
