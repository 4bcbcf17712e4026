/** Sending: a collector that answers, refuses, hangs or is not there, and what is counted. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/log.ts';
import { otlpReceiver } from '../test/otlp-receiver.ts';
import { newSpanId, newTraceId, traceIdOf } from './ids.ts';
import type { TracingSettings } from './settings.ts';
import { createTracer, type SpanFacts, type Tracer } from './tracer.ts';

function started(url: string, more: Partial<TracingSettings> = {}): { readonly tracer: Tracer; readonly lines: string[] } {
  const lines: string[] = [];
  const settings: TracingSettings = {
    ...{ url: `${url}/v1/traces`, headers: {}, protocol: 'http/json', serviceName: 'studio', attributes: {}, delayMs: 10, maxQueued: 100 },
    sampler: { root: 'always_on', isParentBased: true, ratio: 1 },
    ...more,
  };
  const log = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  return { tracer: createTracer({ settings, version: '0', instanceId: 'one', clock: systemClock, log }), lines };
}

const span = (more: Partial<SpanFacts> = {}): SpanFacts => ({
  place: { traceId: newTraceId(), spanId: newSpanId(), isSampled: true },
  ...{ name: 'work', startMs: 1_000, endMs: 1_500, fields: {} },
  ...more,
});

test('names and values of people arrive cut, whole in their characters, and without what looks like a secret', async (t) => {
  const collector = await otlpReceiver();
  t.after(() => collector.close());
  const { tracer } = started(collector.url);
  const half = '\ud83d';
  tracer.emit(
    span({
      name: `a${half}${'x'.repeat(500)}`,
      fields: { text: `${half}\u0000</script>${'y'.repeat(5_000)}`, none: null, list: ['a', half] },
      fault: 'Bearer abcdefghijkl',
    }),
  );
  const got = await collector.span('it', () => true);
  equal(got.name.length, 200);
  ok(got.name.startsWith('a\ufffdxxx') && got.name.isWellFormed());
  equal(String(got.attributes['text']).length, 1_024);
  ok(String(got.attributes['text']).startsWith('\ufffd\u0000</script>yyy'));
  deepEqual(got.attributes['list'], ['a', '\ufffd']);
  equal('none' in got.attributes, false);
  deepEqual([got.startMs, got.endMs, got.status.code, got.status.message], [1_000, 1_500, 2, 'Bearer [redacted]']);
  await tracer.stop();
});

test('protobuf is sent where it is asked for', async (t) => {
  const collector = await otlpReceiver();
  t.after(() => collector.close());
  const { tracer } = started(collector.url, { protocol: 'http/protobuf' });
  const one = span();
  tracer.emit(one);
  await tracer.stop();
  const [request] = collector.requests;
  equal(request?.headers['content-type'], 'application/x-protobuf');
  ok(request?.body.includes(Buffer.from(one.place.traceId, 'hex')) && request.body.includes('work'));
  deepEqual(tracer.figures(), { exported: 1, dropped: 0, failed: 0, queued: 0 });
});

test('a stop sends what is left; what is not to be kept is not sent', async (t) => {
  const collector = await otlpReceiver();
  t.after(() => collector.close());
  const { tracer } = started(collector.url, { delayMs: 60_000 });
  tracer.emit(span({ name: 'kept' }));
  tracer.emit(span({ name: 'not kept', place: { traceId: newTraceId(), spanId: newSpanId(), isSampled: false } }));
  await tracer.stop();
  deepEqual(
    collector.spans.map(({ name }) => name),
    ['kept'],
  );
});

test('a collector that refuses is told of once, and once more when it takes spans again', async (t) => {
  const collector = await otlpReceiver();
  t.after(() => collector.close());
  collector.status = 400;
  const { tracer, lines } = started(collector.url);
  for (let turn = 1; turn <= 3; turn++) {
    tracer.emit(span());
    await collector.until('it was asked', () => collector.requests.length >= turn);
  }
  collector.status = 200;
  tracer.emit(span({ name: 'at last' }));
  await collector.span('the last', ({ name }) => name === 'at last');
  await tracer.stop();
  deepEqual(tracer.figures(), { exported: 1, dropped: 0, failed: 3, queued: 0 });
  deepEqual(
    lines.map((line) => (JSON.parse(line) as { msg: string }).msg.split(';')[0]),
    ['the collector takes no traces', 'the collector takes traces again'],
  );
});

test('while a collector hangs, spans beyond the room there is are dropped and counted, and a stop does not wait for it', async (t) => {
  const collector = await otlpReceiver();
  t.after(() => collector.close());
  collector.status = 0;
  const { tracer, lines } = started(collector.url, { maxQueued: 5, delayMs: 1 });
  tracer.emit(span());
  await collector.until('it was asked', () => collector.requests.length > 0);
  for (let turn = 0; turn < 20; turn++) tracer.emit(span());
  deepEqual(tracer.figures(), { exported: 0, dropped: 15, failed: 0, queued: 5 });
  await tracer.stop();
  match(lines.at(-1) ?? '', /the last traces could not be sent in time/);
});

test('with nobody there, emitting never throws and the log has one line', async () => {
  // Port 9 is discard: nothing listens.
  const { tracer, lines } = started('http://127.0.0.1:9');
  tracer.emit(span());
  await tracer.stop();
  ok(lines.length <= 1);
});

test('a share of traces is taken by their ids: the same everywhere, whoever asks', () => {
  const half: TracingSettings['sampler'] = { root: 'traceidratio', isParentBased: true, ratio: 0.5 };
  const [one, other] = [started('http://127.0.0.1:9', { sampler: half }), started('http://127.0.0.1:9', { sampler: half })];
  const ids = Array.from({ length: 400 }, (_, at) => traceIdOf(`inst_${at}`));
  const kept = ids.filter((id) => one.tracer.isSampled(id));
  deepEqual(
    ids.filter((id) => other.tracer.isSampled(id)),
    kept,
  );
  ok(kept.length > 120 && kept.length < 280);
  deepEqual([one.tracer.isSampled(newTraceId(), true), one.tracer.isSampled(newTraceId(), false)], [true, false]);
  const none = started('http://127.0.0.1:9', { sampler: { root: 'always_off', isParentBased: false, ratio: 1 } });
  equal(none.tracer.isSampled(newTraceId(), true), false);
});
