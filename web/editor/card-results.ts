/** How nodes went last, in the words of their cards. Pure, but keeps what did not change: a card is redrawn when its own news comes. */
import { formatCount, formatDuration } from '../ui/format.ts';
import type { CardResult } from './canvas/canvas-state.ts';
import type { StepResult } from './last-results.ts';

export function createCardResults(): (results: ReadonlyMap<string, StepResult>) => ReadonlyMap<string, CardResult> {
  let before: ReadonlyMap<string, CardResult> = new Map();
  return (results) => {
    const after = new Map<string, CardResult>();
    for (const [key, result] of results) {
      const line = lineOf(result);
      const old = before.get(key);
      after.set(key, old?.status === result.status && old.line === line ? old : { status: result.status, line });
    }
    before = after;
    return after;
  };
}

function lineOf({ error, startedAt, endedAt, items }: StepResult): string {
  if (error !== undefined) return `${error.code}: ${error.message}`;
  const took = startedAt === null || endedAt === null ? [] : [formatDuration(Date.parse(endedAt) - Date.parse(startedAt))];
  return [...took, ...(items === undefined ? [] : [formatCount(items, 'item')])].join(' · ');
}
