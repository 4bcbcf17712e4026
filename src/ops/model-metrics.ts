/** Metrics of models. A model's name is a label: an administrator gives it, and there are as many as models. */
import { Counter, Gauge, type Registry } from 'prom-client';

/** What a model has done since Studio started. */
export interface ModelFigures {
  readonly name: string;
  readonly isLoaded: boolean;
  readonly inUse: number;
  readonly waiting: number;
  readonly loads: number;
  readonly loadMs: number;
  readonly failedLoads: number;
  readonly crashes: number;
  readonly evictions: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

const FIGURES: readonly (readonly [name: string, help: string, of: (figures: ModelFigures) => number])[] = [
  ['studio_model_loaded', '1: in memory', ({ isLoaded }) => Number(isLoaded)],
  ['studio_model_requests_running', 'Requests that it answers now', ({ inUse }) => inUse],
  ['studio_model_requests_waiting', 'Requests that wait for its load', ({ waiting }) => waiting],
  ['studio_model_loads_total', 'Loads', ({ loads }) => loads],
  ['studio_model_load_seconds_total', 'Time of all loads, from the request to the first answer that it could give', ({ loadMs }) => loadMs / 1_000],
  ['studio_model_load_failures_total', 'Loads that failed', ({ failedLoads }) => failedLoads],
  ['studio_model_crashes_total', 'Times its engine ended by itself', ({ crashes }) => crashes],
  ['studio_model_evictions_total', 'Times it gave its memory to another', ({ evictions }) => evictions],
  ['studio_model_tokens_in_total', 'Tokens read', ({ promptTokens }) => promptTokens],
  ['studio_model_tokens_out_total', 'Tokens written', ({ completionTokens }) => completionTokens],
];

/** @param figures of every model that was used since Studio started */
export function registerModelMetrics(registry: Registry, figures: () => readonly ModelFigures[]): void {
  for (const [name, help, of] of FIGURES) {
    const labelled = { name, help, labelNames: ['model'] as const, registers: [registry] };
    if (name.endsWith('_total')) {
      const counter: Counter<'model'> = new Counter({
        ...labelled,
        collect() {
          counter.reset();
          for (const one of figures()) counter.inc({ model: one.name }, of(one));
        },
      });
      continue;
    }
    const gauge: Gauge<'model'> = new Gauge({
      ...labelled,
      collect() {
        // A model that was deleted is not shown for ever.
        gauge.reset();
        for (const one of figures()) gauge.set({ model: one.name }, of(one));
      },
    });
  }
}
