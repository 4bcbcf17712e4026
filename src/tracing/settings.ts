/** Reads where traces go from the configuration. Loads nothing of OpenTelemetry: it is asked at every start, and traces are off by default.
 *  One thing to know: these variables are often set for all programs of a machine, so a fault in them turns traces off and never stops the start. */
import type { Config } from '../config/schema.ts';

export type TracingConfig = Pick<
  Config,
  | 'otelEndpoint'
  | 'otelTracesEndpoint'
  | 'otelHeaders'
  | 'otelProtocol'
  | 'otelServiceName'
  | 'otelResourceAttributes'
  | 'otelSampler'
  | 'otelSamplerArg'
  | 'otelDelay'
  | 'otelQueue'
  | 'otelDisabled'
>;

export interface TracingSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly serviceName: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly delayMs: number;
  readonly maxQueued: number;
  readonly sampler: { readonly root: 'always_on' | 'always_off' | 'traceidratio'; readonly isParentBased: boolean; readonly ratio: number };
}

export interface ReadTracing {
  /** Undefined: no traces. */
  readonly settings: TracingSettings | undefined;
  /** What is wrong with the variables, each with its name. */
  readonly faults: readonly string[];
}

/** Soon enough for a person who looks, seldom enough to cost nothing. */
const DELAY_MS = 2_000;
/** Some 8 MiB of spans. At the usual 2,048 a burst of one large map would already lose some. */
const MAX_QUEUED = 8_192;
const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const SAMPLERS = ['always_on', 'always_off', 'traceidratio'] as const;

/** @throws never */
export function readTracing(config: TracingConfig): ReadTracing {
  if (config.otelDisabled || (config.otelEndpoint === undefined && config.otelTracesEndpoint === undefined)) return { settings: undefined, faults: [] };
  const faults: string[] = [];
  const url = urlOf(config, faults);
  const protocol = PROTOCOLS.find((one) => one === config.otelProtocol.toLowerCase());
  if (protocol === undefined)
    faults.push(`OTEL_EXPORTER_OTLP_PROTOCOL is "${config.otelProtocol}"; Studio sends http/protobuf or http/json (collectors take them on port 4318)`);
  const headers = readPairs('OTEL_EXPORTER_OTLP_HEADERS', config.otelHeaders, faults);
  const attributes = readPairs('OTEL_RESOURCE_ATTRIBUTES', config.otelResourceAttributes, faults);
  const sampler = samplerOf(config, faults);
  const delayMs = wholeOf('OTEL_BSP_SCHEDULE_DELAY', config.otelDelay, DELAY_MS, faults);
  const maxQueued = wholeOf('OTEL_BSP_MAX_QUEUE_SIZE', config.otelQueue, MAX_QUEUED, faults);
  if (url === undefined || protocol === undefined) return { settings: undefined, faults };
  return { settings: { url, headers, protocol, serviceName: config.otelServiceName, attributes, sampler, delayMs, maxQueued }, faults };
}

function urlOf({ otelEndpoint, otelTracesEndpoint }: TracingConfig, faults: string[]): string | undefined {
  const [name, text] =
    otelTracesEndpoint === undefined ? ['OTEL_EXPORTER_OTLP_ENDPOINT', otelEndpoint ?? ''] : ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', otelTracesEndpoint];
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    faults.push(`${name} is "${text.slice(0, 200)}"; it must be http:// or https://, a host and perhaps a path`);
    return undefined;
  }
  if (otelTracesEndpoint === undefined) url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`;
  return url.href;
}

function samplerOf({ otelSampler, otelSamplerArg }: TracingConfig, faults: string[]): TracingSettings['sampler'] {
  const name = otelSampler.toLowerCase();
  const isParentBased = name.startsWith('parentbased_');
  const root = SAMPLERS.find((one) => one === name.replace(/^parentbased_/, ''));
  const known = SAMPLERS.flatMap((one) => [one, `parentbased_${one}`]).join(', ');
  if (root === undefined) faults.push(`OTEL_TRACES_SAMPLER is "${otelSampler}"; it must be one of ${known}. All traces are kept`);
  const ratio = otelSamplerArg === undefined ? 1 : Number(otelSamplerArg);
  const isRatio = ratio >= 0 && ratio <= 1;
  if (root === 'traceidratio' && !isRatio) faults.push(`OTEL_TRACES_SAMPLER_ARG is "${otelSamplerArg}"; it must be a number from 0 to 1. All traces are kept`);
  return { root: root ?? 'always_on', isParentBased: isParentBased || root === undefined, ratio: isRatio ? ratio : 1 };
}

function wholeOf(name: string, text: string | undefined, fallback: number, faults: string[]): number {
  if (text === undefined) return fallback;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= MOST) return number;
  faults.push(`${name} is "${text}"; it must be a whole number from 1 to ${MOST}. It is taken as ${fallback}`);
  return fallback;
}

/** Of ms, and of spans: an hour, a gigabyte. */
const MOST = 1_000_000;

/** `name=value,name=value`, values percent-encoded. A pair without a name or a sign is left out and told, without its value: it may be a secret. */
function readPairs(variable: string, text: string | undefined, faults: string[]): Record<string, string> {
  const pairs = (text ?? '').split(',').filter((pair) => pair.trim() !== '');
  const read = pairs.flatMap((pair): [string, string][] => {
    const sign = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, sign)).trim();
    if (name !== '') return [[name, decoded(pair.slice(sign + 1).trim())]];
    faults.push(`${variable} holds a part without a name; it reads name=value,name=value`);
    return [];
  });
  return Object.fromEntries(read);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
