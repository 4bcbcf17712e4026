/** Whether the collector of traces answers: asked as traces are sent, with none in it. Traces are an extra, so what is wrong here is a warning. */
import type { Config } from '../config/schema.ts';
import { systemClock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { readTracing, type TracingSettings } from '../tracing/settings.ts';
import type { Finding } from './doctor.ts';

const PATIENCE_MS = 3_000;
const name = 'traces';

export async function lookAtTraces(config: Config): Promise<Finding> {
  const { settings, faults } = readTracing(config);
  if (settings === undefined && faults.length === 0) return { name, verdict: 'ok', about: 'off: no OTEL_EXPORTER_OTLP_ENDPOINT is set' };
  if (settings === undefined) return { name, verdict: 'warning', about: `off: ${faults.join('; ')}`, remedy: 'Set what is named, or OTEL_SDK_DISABLED=true.' };
  const { origin, pathname } = new URL(settings.url);
  const place = `${origin}${pathname}`;
  const fault = await askCollector(settings);
  if (fault !== undefined) return { name, verdict: 'warning', about: `the collector at ${place} ${fault.about}`, remedy: fault.remedy };
  if (faults.length > 0) return { name, verdict: 'warning', about: faults.join('; '), remedy: 'Set what is named.' };
  return { name, verdict: 'ok', about: `the collector at ${place} takes traces` };
}

/** @returns what is wrong; undefined: it takes them */
async function askCollector({ url, headers }: TracingSettings): Promise<{ readonly about: string; readonly remedy: string } | undefined> {
  const patience = new AbortController();
  const cancel = systemClock.after(PATIENCE_MS, () => patience.abort());
  try {
    const reply = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"resourceSpans":[]}',
      redirect: 'manual',
      signal: patience.signal,
    });
    await reply.body?.cancel();
    if (reply.ok) return undefined;
    const remedy =
      reply.status === 401 || reply.status === 403
        ? 'Look at OTEL_EXPORTER_OTLP_HEADERS: it wants another key.'
        : 'Look at the address: collectors take traces over HTTP on port 4318, at /v1/traces.';
    return { about: `answers ${reply.status}`, remedy };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    const about = patience.signal.aborted ? `does not answer within ${PATIENCE_MS} ms` : `is not to be reached: ${cause}`;
    return { about, remedy: 'Start it, or correct OTEL_EXPORTER_OTLP_ENDPOINT. Studio works without it; traces are dropped meanwhile.' };
  } finally {
    cancel();
  }
}
