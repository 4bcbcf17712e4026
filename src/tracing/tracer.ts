/** Makes spans of facts and hands them to the library that sends them to the collector. The only file (with sampler.ts) that knows OpenTelemetry.
 *  One thing to know: nothing here is ever waited for by work. What the collector does not take in time is dropped and counted; a stop waits
 *  for two seconds at most. */
import { SpanKind, SpanStatusCode, TraceFlags, type Attributes, type HrTime, type Link, type SpanContext } from '@opentelemetry/api';
import { ExportResultCode, millisToHrTime } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { maskSecrets, type Logger } from '../kernel/log.ts';
import type { SpanPlace } from './ids.ts';
import { createSampler } from './sampler.ts';
import type { TracingSettings } from './settings.ts';

export type SpanFields = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>;

/** What is told of one piece of work that is over. Times are ms since 1970. */
export interface SpanFacts {
  readonly place: SpanPlace;
  readonly parent?: { readonly spanId: string; readonly isRemote?: boolean } | undefined;
  readonly name: string;
  readonly kind?: 'server' | 'client' | 'internal' | 'consumer' | undefined;
  readonly startMs: number;
  readonly endMs: number;
  /** Those that are null or undefined are left out. */
  readonly fields: SpanFields;
  /** Set: it failed. */
  readonly fault?: string | undefined;
  readonly links?: readonly SpanPlace[] | undefined;
}

/** Spans since the start, by what became of them. */
export interface SpanFigures {
  readonly exported: number;
  /** There was no room: they came faster than the collector took them. */
  readonly dropped: number;
  /** The collector refused them, or was not to be reached. */
  readonly failed: number;
  readonly queued: number;
}

export interface Tracer {
  /** Whether spans of this trace are kept. @param parentSampled what the caller of another program decided */
  isSampled(traceId: string, parentSampled?: boolean): boolean;
  /** Quick, and never throws. Of a trace that is not kept nothing is told. */
  emit(facts: SpanFacts): void;
  figures(): SpanFigures;
  /** Sends what is left, within `STOP_MS`. */
  stop(): Promise<void>;
}

export interface TracerParts {
  readonly settings: TracingSettings;
  readonly version: string;
  /** Tells processes of one service apart. */
  readonly instanceId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const BATCH = 512;
const STOP_MS = 2_000;
const MAX_TEXT = 1_024;
const MAX_NAME = 200;

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL, consumer: SpanKind.CONSUMER } as const;

export function createTracer(parts: TracerParts): Tracer {
  const { settings, clock, log } = parts;
  const counts = { exported: 0, dropped: 0, failed: 0, queued: 0 };
  const sampler = createSampler(settings.sampler);
  const resource = defaultResource().merge(
    resourceFromAttributes({
      'service.version': parts.version,
      'service.instance.id': parts.instanceId,
      ...settings.attributes,
      'service.name': settings.serviceName,
    }),
  );
  const scope = { name: 'studio', version: parts.version };
  const processor = new BatchSpanProcessor({
    exporter: counted(exporterOf(settings), counts, log),
    maxQueueSize: settings.maxQueued,
    maxExportBatchSize: Math.min(BATCH, settings.maxQueued),
    scheduledDelayMillis: settings.delayMs,
  });
  return {
    isSampled: sampler,
    emit(facts) {
      if (!facts.place.isSampled) return;
      if (counts.queued >= settings.maxQueued) {
        counts.dropped += 1;
        return;
      }
      counts.queued += 1;
      processor.onEnd({ ...readable(facts), resource, instrumentationScope: scope });
    },
    figures: () => ({ ...counts }),
    async stop() {
      const patience = new AbortController();
      const isFlushed = await Promise.race([
        // Rejects with what its exporter told already.
        processor.shutdown().then(
          () => true,
          () => true,
        ),
        clock.sleep(STOP_MS, patience.signal).then(
          () => false,
          () => true,
        ),
      ]);
      patience.abort();
      if (!isFlushed) log.warn({ spans: counts.queued, url: placeOf(settings.url) }, 'the last traces could not be sent in time; they are lost');
    },
  };
}

function exporterOf({ url, headers, protocol }: TracingSettings): SpanExporter {
  const options = { url, headers: { ...headers } };
  return protocol === 'http/json' ? new JsonExporter(options) : new ProtobufExporter(options);
}

type Counts = { -readonly [Key in keyof SpanFigures]: SpanFigures[Key] };

/** Counts what becomes of each batch, and tells once that the collector takes none, and once that it does again. */
function counted(exporter: SpanExporter, counts: Counts, log: Logger): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      counts.queued -= spans.length;
      exporter.export(spans, (result) => {
        const isSent = result.code === ExportResultCode.SUCCESS;
        counts[isSent ? 'exported' : 'failed'] += spans.length;
        if (!isSent && !isFailing)
          log.warn({ cause: maskSecrets(messageOf(result.error ?? 'no reason')) }, 'the collector takes no traces; they are dropped and counted until it does');
        if (isSent && isFailing) log.info({ lost: counts.failed + counts.dropped }, 'the collector takes traces again');
        isFailing = !isSent;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

/** Without what a URL may carry of secrets. */
function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function readable(facts: SpanFacts): Omit<ReadableSpan, 'resource' | 'instrumentationScope'> {
  const { place, parent } = facts;
  const startTime = timeOf(facts.startMs);
  const lasted = Math.max(0, facts.endMs - facts.startMs);
  const context = contextOf(place);
  return {
    name: textOf(facts.name, MAX_NAME),
    kind: KINDS[facts.kind ?? 'internal'],
    spanContext: () => context,
    ...(parent === undefined ? {} : { parentSpanContext: { ...context, spanId: parent.spanId, isRemote: parent.isRemote === true } }),
    startTime,
    endTime: timeOf(facts.startMs + lasted),
    duration: millisToHrTime(lasted),
    status: facts.fault === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: textOf(maskSecrets(facts.fault), MAX_TEXT) },
    attributes: attributesOf(facts.fields),
    links: (facts.links ?? []).map((link): Link => ({ context: contextOf(link) })),
    events: [],
    ended: true,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function contextOf({ traceId, spanId, isSampled }: SpanPlace): SpanContext {
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
}

function timeOf(ms: number): HrTime {
  return millisToHrTime(Math.max(0, ms));
}

function attributesOf(fields: SpanFields): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    attributes[name] =
      typeof value === 'string' ? textOf(value, MAX_TEXT) : Array.isArray(value) ? value.map((one) => textOf(String(one), MAX_TEXT)) : (value as number);
  }
  return attributes;
}

/** Names and messages are people's: cut, and without halves of characters, which no encoding can carry. */
function textOf(text: string, limit: number): string {
  return (text.length > limit ? `${text.slice(0, limit - 1)}…` : text).toWellFormed();
}
