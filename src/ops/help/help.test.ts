/** No link to help is dead, and nothing that can go wrong is without a page. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../config/load.ts';
import { errorCodes } from '../../contract/error.ts';
import { alertRules } from '../../contract/values.ts';
import { startApp } from '../../test/app.ts';
import { readFileSync } from 'node:fs';
import { root } from '../../test/source-files.ts';
import { examine } from '../doctor.ts';
import { answerHelp, helpSlugs } from './answer.ts';
import { alertHelp, errorHelp, findingHelp, helpPath, partHelp, refusalHelp } from './links.ts';
import { topics } from './topics.ts';

const isThere = (path: string): boolean => answerHelp(path)?.status === 200;

test('every error code, alert, refusal, part of health and rule for Prometheus has a page', () => {
  const paths = [
    ...Object.keys(errorCodes).map(errorHelp),
    ...alertRules.map((rule) => helpPath(alertHelp[rule])),
    ...Object.values(refusalHelp).map(helpPath),
    ...['database', 'redis', 'workers', 'storage', 'disk', 'run data', 'secrets', 'backups', 'service anything'].map(partHelp),
    ...[...readFileSync(join(root, 'scripts/deploy/monitoring/alerts.yml'), 'utf8').matchAll(/help: (\S+)/g)].map(([, path]) => path ?? ''),
  ];
  ok(paths.length > 60);
  deepEqual(
    paths.filter((path) => !isThere(path)),
    [],
  );
});

test('no page leads nowhere, and each says what to do', () => {
  deepEqual(
    helpSlugs().flatMap((slug) => {
      const { html = '' } = answerHelp(helpPath(slug)) ?? {};
      return [...html.matchAll(/href="([^".][^"]*)"/g)].map(([, link]) => link ?? '').filter((link) => !isThere(helpPath(link)));
    }),
    [],
  );
  for (const [slug, { signs, causes, steps }] of Object.entries(topics)) ok(signs.length > 0 && causes.length > 0 && steps.length > 0, slug);
  const index = answerHelp('/docs/troubleshooting')?.html ?? '';
  deepEqual(
    helpSlugs().filter((slug) => !index.includes(`"troubleshooting/${slug}"`)),
    [],
  );
  equal(answerHelp('/docs/troubleshooting/nothing')?.status, 404);
  equal(answerHelp('/docs/other'), undefined);
});

test('the pages are open to everybody, and errors lead to theirs', async () => {
  const app = await startApp();
  try {
    const page = await app.anonymous.call('GET', '/docs/troubleshooting/database');
    equal(page.status, 200);
    match(page.text, /The database does not answer/);
    ok(!page.text.includes('<script'));
    const refused = await app.anonymous.call('GET', '/api/v1/workflows');
    // From the address that was asked, so that it holds below any prefix that a proxy takes off.
    equal(refused.headers['link'], '<../../docs/troubleshooting/unauthenticated>; rel="help"');
    const deeper = await app.anonymous.call('GET', '/api/v1/workflows/x/versions/');
    const target = /^<([^>]+)>/.exec(deeper.headers['link'] ?? '')?.[1] ?? '';
    equal(new URL(target, 'https://host/box/studio/api/v1/workflows/x/versions/').pathname, '/box/studio/docs/troubleshooting/not-found');
  } finally {
    await app.close();
  }
});

test('every finding of the doctor says what to do and where more stands', async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'studio-doctor-'));
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    const { config } = await loadConfig({ env: { HOST: '127.0.0.1', PORT: String(port), WORKSPACE_PATH: workspace }, file: {} });
    const findings = await examine(config, join(workspace, 'no-programs-here'));
    const port_ = findings.find(({ name }) => name === 'port');
    equal(port_?.verdict, 'failure');
    for (const { verdict, remedy, help, name } of findings.filter((one) => one.verdict !== 'ok')) {
      ok(remedy !== undefined && remedy.length > 10, `${name} is ${verdict} without a remedy`);
      ok(help !== undefined && isThere(help), `${name} leads to ${help}`);
    }
    for (const { name } of findings) ok(isThere(findingHelp(name)), name);
  } finally {
    taken.close();
    rmSync(workspace, { recursive: true, force: true });
  }
});
