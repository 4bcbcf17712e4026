import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { readTracing, type TracingConfig } from './settings.ts';

const off: TracingConfig = {
  otelEndpoint: undefined,
  otelTracesEndpoint: undefined,
  otelHeaders: undefined,
  otelProtocol: 'http/protobuf',
  otelServiceName: 'studio',
  otelResourceAttributes: undefined,
  otelSampler: 'parentbased_always_on',
  otelSamplerArg: undefined,
  otelDelay: undefined,
  otelQueue: undefined,
  otelDisabled: false,
};
const on: TracingConfig = { ...off, otelEndpoint: 'http://collector:4318' };

test('without a collector, or switched off, there are no traces and nothing is wrong', () => {
  deepEqual(readTracing(off), { settings: undefined, faults: [] });
  deepEqual(readTracing({ ...on, otelDisabled: true, otelProtocol: 'nonsense' }), { settings: undefined, faults: [] });
});

test('the base address gets /v1/traces, the one for traces is taken as it is', () => {
  equal(readTracing({ ...on, otelEndpoint: 'https://host/otlp/' }).settings?.url, 'https://host/otlp/v1/traces');
  equal(readTracing({ ...on, otelTracesEndpoint: 'https://host/in?team=a' }).settings?.url, 'https://host/in?team=a');
});

test('headers and attributes are read as percent-encoded pairs', () => {
  const { settings, faults } = readTracing({
    ...on,
    otelHeaders: 'authorization=Bearer%20x, api-key=a=b',
    otelResourceAttributes: 'team=J%C3%B6rg,odd=%E0%A4%A',
  });
  deepEqual(settings?.headers, { authorization: 'Bearer x', 'api-key': 'a=b' });
  deepEqual(settings?.attributes, { team: 'Jörg', odd: '%E0%A4%A' });
  deepEqual(faults, []);
});

test('what is wrong is named, without its value where that may be a secret, and turns no more off than it must', () => {
  const broken = readTracing({ ...on, otelHeaders: 'hush-hush', otelSampler: 'xray', otelDelay: 'soon', otelQueue: '0' });
  equal(broken.faults.length, 4);
  equal(broken.faults.join(' ').includes('hush'), false);
  deepEqual(broken.settings?.sampler, { root: 'always_on', isParentBased: true, ratio: 1 });
  deepEqual([broken.settings?.delayMs, broken.settings?.maxQueued], [2_000, 8_192]);
  const lost = readTracing({ ...on, otelEndpoint: 'collector:4317', otelProtocol: 'grpc' });
  equal(lost.settings, undefined);
  match(lost.faults.join(' '), /OTEL_EXPORTER_OTLP_ENDPOINT is "collector:4317".*OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"/);
});

test('a sampler has a share only within 0 and 1', () => {
  deepEqual(readTracing({ ...on, otelSampler: 'traceidratio', otelSamplerArg: '0.25' }).settings?.sampler, {
    root: 'traceidratio',
    isParentBased: false,
    ratio: 0.25,
  });
  match(readTracing({ ...on, otelSampler: 'parentbased_traceidratio', otelSamplerArg: '7' }).faults[0] ?? '', /OTEL_TRACES_SAMPLER_ARG is "7"/);
});
