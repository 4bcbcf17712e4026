/** Usage of models by day as areas of a chart: the models that used most, then the others in one. Pure. */
import type { UsageRow } from '../../../src/contract/model-usage.ts';
import type { PlotPoint } from '../../ui/plot-data.ts';

export interface UsageArea {
  readonly name: string;
  /** Tokens of prompts and answers by day; x milliseconds since 1970. */
  readonly points: readonly PlotPoint[];
}

const MAX_AREAS = 5;

/** @param rows by day and model  @returns a value for every day of any row, so that areas lie upon each other; empty without rows */
export function usageAreas(rows: readonly UsageRow[]): readonly UsageArea[] {
  const byModel = Map.groupBy(rows, (row) => row.model ?? 'unknown');
  const ranked = [...byModel].toSorted(([, a], [, b]) => tokensOf(b) - tokensOf(a));
  const days = [...new Set(rows.flatMap((row) => (row.day === undefined ? [] : [Date.parse(row.day)])))].toSorted((a, b) => a - b);
  const areaOf = (name: string, list: readonly UsageRow[]): UsageArea => ({
    name,
    points: days.map((x) => ({ x, y: tokensOf(list.filter((row) => row.day !== undefined && Date.parse(row.day) === x)) })),
  });
  const [shown, folded] = ranked.length > MAX_AREAS ? [ranked.slice(0, MAX_AREAS - 1), ranked.slice(MAX_AREAS - 1)] : [ranked, []];
  const others = folded.flatMap(([, list]) => list);
  return [...shown.map(([name, list]) => areaOf(name, list)), ...(folded.length === 0 ? [] : [areaOf(`${folded.length} more`, others)])];
}

/** Of prompts and answers together. */
export function tokensOf(rows: readonly UsageRow[]): number {
  return rows.reduce((sum, row) => sum + row.promptTokens + row.completionTokens, 0);
}
