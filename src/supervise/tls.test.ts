import { deepEqual, equal, match } from 'node:assert/strict';
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/log.ts';
import { makeCertificate, noCertificates } from '../test/certificate.ts';
import { freePort } from '../test/studio-process.ts';
import { createBootProgress } from './boot-progress.ts';
import { listen, type Listener } from './listener.ts';
import { readTls, watchTls } from './tls.ts';

const skip = noCertificates;
let folder: string;
let files: { readonly tlsCertFile: string; readonly tlsKeyFile: string; readonly tlsCaFile: undefined };
let listener: Listener;
let port: number;

before(async () => {
  if (skip !== false) return;
  folder = mkdtempSync(join(tmpdir(), 'studio-tls-'));
  const first = makeCertificate(folder, 'first');
  files = { tlsCertFile: join(folder, 'tls.crt'), tlsKeyFile: join(folder, 'tls.key'), tlsCaFile: undefined };
  copyFileSync(first.cert, files.tlsCertFile);
  copyFileSync(first.key, files.tlsKeyFile);
  port = await freePort();
  const progress = createBootProgress(
    () => 0,
    () => undefined,
  );
  const config = { host: '127.0.0.1', port, workspacePath: '/nonexistent', keepAliveS: 5, ...files };
  listener = await listen({ config, progress, health: () => ({ httpStatus: 200, body: { status: 'ok' } }) });
});
after(async () => {
  await listener?.close(100);
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

interface Reply {
  readonly status: number | undefined;
  readonly location: string | undefined;
  readonly body: string;
  /** Of the certificate. */
  readonly name: unknown;
}

function ask(path: string, options: { readonly isPlain?: boolean; readonly method?: string; readonly agent?: Agent } = {}): Promise<Reply> {
  const { isPlain = false, method = 'GET', agent = false } = options;
  return new Promise((resolve, reject) => {
    const send = isPlain ? requestPlain : request;
    const sent = send({ host: '127.0.0.1', port, path, method, agent: isPlain ? false : agent, rejectUnauthorized: false }, (reply) => {
      const name = reply.socket instanceof TLSSocket ? reply.socket.getPeerCertificate().subject.CN : undefined;
      let body = '';
      reply.setEncoding('utf8').on('data', (text: string) => (body += text));
      reply.once('end', () => resolve({ status: reply.statusCode, location: reply.headers.location, body, name }));
    });
    sent.once('error', reject);
    sent.end();
  });
}

test('the port speaks TLS with the certificate of its files', { skip }, async () => {
  const { status, body, name } = await ask('/health');
  deepEqual({ status, body, name }, { status: 200, body: '{"status":"ok"}', name: 'first' });
});

test('a browser that comes without TLS is sent to https, at the same path', { skip }, async () => {
  const { status, location } = await ask('/workflows?x=1', { isPlain: true });
  deepEqual([status, location], [308, `https://127.0.0.1:${port}/workflows?x=1`]);
  equal((await ask('//evil.example', { isPlain: true })).location, `https://127.0.0.1:${port}/`);
});

test('a program that comes without TLS is told so, and nothing is carried out', { skip }, async () => {
  for (const [method, path] of [
    ['POST', '/anything'],
    ['GET', '/api/v1/workflows'],
  ] as const) {
    const { status, body } = await ask(path, { isPlain: true, method });
    equal(status, 400);
    match(body, new RegExp(`speaks HTTPS: call https://127\\.0\\.0\\.1:${port} instead`));
  }
});

test('new files are in force for new connections; what can not be used changes nothing and says why', { skip }, async () => {
  const lines: string[] = [];
  const heard = new Set<() => void>();
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      for (const listen of heard) listen();
      done();
    },
  });
  const logged = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (lines.some((line) => line.includes(text))) resolve();
      };
      heard.add(look);
      look();
    });
  const { setTls } = listener;
  if (setTls === undefined) throw new Error('the port does not speak TLS');
  const watch = watchTls({ files, clock: systemClock, log: createLogger({ level: 'info', destination }), apply: setTls });
  try {
    const kept = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    equal((await ask('/health', { agent: kept })).name, 'first');
    const second = makeCertificate(folder, 'second');
    // As certbot does: one file after the other, each put in place whole.
    renameSync(second.key, files.tlsKeyFile);
    watch.reload();
    await logged('is not that of the first certificate');
    equal((await ask('/health')).name, 'first');
    renameSync(second.cert, files.tlsCertFile);
    await logged('is in force');
    equal((await ask('/health')).name, 'second');
    equal((await ask('/health', { agent: kept })).status, 200);
    kept.destroy();
    writeFileSync(files.tlsCertFile, 'garbage');
    await logged('holds no certificate in PEM form');
    equal((await ask('/health')).name, 'second');
  } finally {
    watch.stop();
  }
});

test('a start with a key of another certificate is refused by name', { skip }, () => {
  const [one, other] = [makeCertificate(folder, 'one'), makeCertificate(folder, 'other')];
  let message = '';
  try {
    readTls({ tlsCertFile: one.cert, tlsKeyFile: other.key, tlsCaFile: undefined });
  } catch (error) {
    message = String(error);
  }
  match(message, /TLS_KEY_FILE .*other\.key is not that of the first certificate in TLS_CERT_FILE .*one\.crt/);
});
