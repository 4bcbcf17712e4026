import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { otlpReceiver } from '../test/otlp-receiver.ts';
import { lookAtTraces } from './doctor-traces.ts';

async function configOf(env: Record<string, string>): Promise<Config> {
  return (await loadConfig({ env: { WORKSPACE_PATH: '/tmp/nowhere', ...env }, file: {} })).config;
}

test('the doctor says whether the collector takes traces, and what to do when it does not', async (t) => {
  const collector = await otlpReceiver();
  t.after(() => collector.close());
  const off = await lookAtTraces(await configOf({}));
  match(`${off.verdict}: ${off.about}`, /^ok: off/);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=hush' };
  match((await lookAtTraces(await configOf(env))).about, /takes traces$/);
  equal(collector.requests[0]?.headers['x-key'], 'hush');
  collector.status = 401;
  const refused = await lookAtTraces(await configOf(env));
  equal(refused.verdict, 'warning');
  match(`${refused.about} ${refused.remedy}`, /answers 401 .*OTEL_EXPORTER_OTLP_HEADERS/);
  // Port 9 is discard: nothing listens.
  match((await lookAtTraces(await configOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }))).about, /not to be reached/);
  match((await lookAtTraces(await configOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }))).about, /off: OTEL_EXPORTER_OTLP_ENDPOINT is/);
});
