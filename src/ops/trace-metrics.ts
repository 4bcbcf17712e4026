/** What Prometheus reads of traces: spans by what became of them. There only where a collector is configured. */
import { Counter, Gauge, type Registry } from 'prom-client';

/** Spans since the start. */
export interface SpanFigures {
  readonly exported: number;
  /** There was no room: they came faster than the collector took them. */
  readonly dropped: number;
  /** The collector refused them, or was not to be reached. */
  readonly failed: number;
  readonly queued: number;
}

/** @returns called before each reading */
export function registerTraceMetrics(registry: Registry, figures: () => SpanFigures): () => void {
  const registers = [registry];
  const spans = new Counter({
    name: 'studio_trace_spans_total',
    help: 'Spans of traces, by what became of them: exported, dropped (no room), failed (the collector did not take them)',
    labelNames: ['outcome'],
    registers,
  });
  const queued = new Gauge({ name: 'studio_trace_spans_queued', help: 'Spans that wait to be sent to the collector', registers });
  return () => {
    const { exported, dropped, failed, queued: waiting } = figures();
    spans.reset();
    for (const [outcome, count] of Object.entries({ exported, dropped, failed })) spans.inc({ outcome }, count);
    queued.set(waiting);
  };
}
