/** Which traces are kept: OTEL_TRACES_SAMPLER, by the samplers of the library. One thing to know: a share is taken by the trace's id, so that all spans of an
 *  instance are kept or none, before and after a restart. */
import { ROOT_CONTEXT, SpanKind, trace, TraceFlags } from '@opentelemetry/api';
import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, SamplingDecision, TraceIdRatioBasedSampler, type Sampler } from '@opentelemetry/sdk-trace';
import type { TracingSettings } from './settings.ts';

/** @returns whether a trace is kept; `parentSampled` is what the program that calls decided */
export function createSampler({ root, isParentBased, ratio }: TracingSettings['sampler']): (traceId: string, parentSampled?: boolean) => boolean {
  const base = samplerOf(root, ratio);
  const sampler = isParentBased ? new ParentBasedSampler({ root: base }) : base;
  return (traceId, parentSampled) => {
    const parent = { traceId, spanId: ANY_SPAN, isRemote: true, traceFlags: parentSampled === true ? TraceFlags.SAMPLED : TraceFlags.NONE };
    const context = parentSampled === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    return sampler.shouldSample(context, traceId, '', SpanKind.INTERNAL, {}, []).decision === SamplingDecision.RECORD_AND_SAMPLED;
  };
}

/** Samplers look at the trace and its flags alone. */
const ANY_SPAN = '0000000000000001';

function samplerOf(root: TracingSettings['sampler']['root'], ratio: number): Sampler {
  if (root === 'always_off') return new AlwaysOffSampler();
  return root === 'traceidratio' ? new TraceIdRatioBasedSampler(ratio) : new AlwaysOnSampler();
}
