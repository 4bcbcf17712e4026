import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { asObject, itemsOf, type ApiClient } from '../api-client.ts';
import { examineUrl } from '../../ops/doctor-url.ts';
import { noProxy, startProxy, type Proxy } from '../proxies.ts';
import { claimStudio, createStudio, owner, type Studio } from '../studio-process.ts';

const FRONTS = [
  { kind: 'nginx', file: 'nginx.conf', prefix: '' },
  { kind: 'nginx', file: 'nginx-prefix.conf', prefix: '/studio' },
  { kind: 'caddy', file: 'caddy.conf', prefix: '' },
  { kind: 'caddy', file: 'caddy-prefix.conf', prefix: '/studio' },
] as const;

/** An address of this machine that is not the proxy's own: what Studio must take the caller for. */
const CALLER = '127.0.0.9';
/** Far over what proxies pass on by themselves. */
const UPLOAD_BYTES = 12 * 1024 * 1024;

/** However slow this machine is. */
const PATIENT = { patienceMs: 300_000 };

let studio: Studio;
let client: ApiClient;
let folder: string;
const hasAny = FRONTS.some(({ kind }) => noProxy(kind) === false);

before(async () => {
  if (!hasAny) return;
  folder = mkdtempSync(join(tmpdir(), 'studio-proxied-'));
  // Jobs look into it, as users of their own.
  chmodSync(folder, 0o711);
  studio = await createStudio({ env: { PROXY_FIX_ENABLED: 'true' } });
  await studio.start();
  client = await claimStudio(studio);
});
after(async () => {
  await studio?.destroy();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** From CALLER, through the proxy. */
function ask(proxy: Proxy, path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', localAddress: CALLER, port: proxy.port, servername: 'localhost', rejectUnauthorized: false, agent: false };
    const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = request({ ...options, path, method, headers: { host: `localhost:${proxy.port}`, ...length, ...headers } }, resolve);
    sent.once('error', reject);
    sent.end(body);
  });
}

async function textOf(reply: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of reply.setEncoding('utf8')) text += String(part);
  return text;
}

/** A reply that goes on: resolves when its text so far holds `wanted`. */
function reader(reply: IncomingMessage): (wanted: string) => Promise<void> {
  let text = '';
  reply.setEncoding('utf8').on('data', (part: string) => (text += part));
  return async (wanted) => {
    while (!text.includes(wanted)) await once(reply, 'data');
  };
}

for (const { kind, file, prefix } of FRONTS) {
  describe(`behind ${kind} with ${file}`, { skip: noProxy(kind) }, () => {
    let proxy: Proxy;
    const bearer = (): Record<string, string> => ({ authorization: `Bearer ${client.token}` });
    before(async () => {
      proxy = await startProxy({ kind, file, target: studio.url });
    });
    after(() => proxy?.stop());

    test('the UI comes, and a path keeps what is encoded in it', async () => {
      const page = await ask(proxy, `${prefix}/`, { headers: { accept: 'text/html' } });
      equal(page.statusCode, 200);
      match(await textOf(page), /<script[^>]+src="[^/h][^"]*"/);
      if (prefix !== '') match((await ask(proxy, prefix)).headers.location ?? '', new RegExp(`(^|:\\d+)${prefix}/$`));
      // A route whose parameter holds a slash: decoded on the way it would be another path, and 404.
      equal((await ask(proxy, `${prefix}/api/v1/instances/inst_1/steps/a%2Fb/attempts`)).statusCode, 401);
    });

    test('who signs in gets a Secure cookie, and is known by their own address, whatever headers they wrote', async () => {
      const spoofed = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-host': 'evil.example', 'x-forwarded-port': '666', 'x-forwarded-prefix': '/evil' };
      const headers = { ...spoofed, 'content-type': 'application/json', 'x-studio-client': 'web', origin: proxy.origin };
      const body = JSON.stringify({ email: owner.email, password: owner.password });
      const reply = await ask(proxy, `${prefix}/api/v1/auth/login`, { method: 'POST', headers, body });
      equal(reply.statusCode, 200, await textOf(reply));
      const cookie = reply.headers['set-cookie']?.[0] ?? '';
      match(cookie, /; Secure/);
      const sessions = await textOf(await ask(proxy, `${prefix}/api/v1/auth/sessions`, { headers: { ...spoofed, cookie: cookie.split(';')[0] ?? '' } }));
      equal(asObject(itemsOf(JSON.parse(sessions) as Record<string, unknown>)[0])['address'], CALLER);
      const foreign = await ask(proxy, `${prefix}/api/v1/auth/login`, { method: 'POST', headers: { ...headers, origin: 'https://evil.example:666' }, body });
      equal(foreign.statusCode, 403);
    });

    test('the live socket opens and hears', async () => {
      const { orgId } = await client.expect(200, 'GET', '/api/v1/users/me');
      const socket = new WebSocket(`wss://localhost:${proxy.port}${prefix}/api/v1/realtime`, ['studio.v1', `Bearer.${client.token}`], {
        lookup: (_host, options, done) => (options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)),
        rejectUnauthorized: false,
        origin: proxy.origin,
      });
      const frames: string[] = [];
      const heard = async (text: string): Promise<void> => {
        while (!frames.some((frame) => frame.includes(text))) await once(socket, 'message');
      };
      socket.on('message', (data: Buffer) => frames.push(data.toString('utf8')));
      await once(socket, 'open');
      socket.send(JSON.stringify({ type: 'subscribe', id: '1', rooms: [`org:${String(orgId)}`] }));
      await heard('"subscribed"');
      await ask(proxy, `${prefix}/api/v1/files/heard-${kind}${prefix.length}.txt`, { method: 'PUT', headers: bearer(), body: 'x' });
      await heard('files:file:changed');
      socket.terminate();
    });

    test('a large file arrives whole', async () => {
      const bytes = randomBytes(UPLOAD_BYTES);
      const put = await ask(proxy, `${prefix}/api/v1/files/large.bin`, {
        method: 'PUT',
        headers: { ...bearer(), 'content-type': 'application/x' },
        body: bytes,
      });
      ok(put.statusCode === 200 || put.statusCode === 201, `${put.statusCode} ${await textOf(put)}`);
      const hash = createHash('sha256');
      for await (const part of await ask(proxy, `${prefix}/api/v1/files/large.bin`, { headers: bearer() })) hash.update(part as Buffer);
      equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
    });

    test('doctor finds nothing to mend but the certificate that nobody knows', async () => {
      const findings = await examineUrl(`${proxy.origin}${prefix}/`, PATIENT);
      deepEqual(
        findings.filter(({ verdict }) => verdict !== 'ok').map(({ name }) => name),
        ['certificate'],
        JSON.stringify(findings),
      );
      equal(findings.length, 9);
    });

    test('a log and events are passed on piece by piece, while they are written', async () => {
      const flag = join(folder, `go-${kind}-${prefix.length}`);
      const script = `echo first; while [ ! -e ${flag} ]; do sleep 0.1; done; echo second`;
      const made = await client.expect(201, 'POST', '/api/v1/jobs', { script });
      const id = String(asObject(made['job'])['id']);
      const log = await ask(proxy, `${prefix}/api/v1/jobs/${id}/log?follow=true`, { headers: bearer() });
      equal(log.statusCode, 200);
      const logged = reader(log);
      await logged('first');
      const events = await ask(proxy, `${prefix}/api/v1/events?room=job:${id}`, { headers: { ...bearer(), accept: 'text/event-stream' } });
      const told = reader(events);
      writeFileSync(flag, '');
      await logged('second');
      await told('jobs:job:completed');
      events.destroy();
      deepEqual((await client.expect(200, 'GET', `/api/v1/jobs/${id}`))['status'], 'completed');
    });
  });
}

/** What people write who have put other programs behind nginx before. */
const CARELESS = `server {
  listen 443 ssl;
  ssl_certificate x;
  ssl_certificate_key x;
  location /studio/ {
    if ($request_method = PATCH) { return 405; }
    proxy_pass http://127.0.0.1:8000/;
    proxy_set_header Authorization '';
  }
}`;

describe('behind an nginx that breaks things', { skip: noProxy('nginx') }, () => {
  let proxy: Proxy;
  before(async () => {
    proxy = await startProxy({ kind: 'nginx', text: CARELESS, target: studio.url });
  });
  after(() => proxy?.stop());

  test('doctor names each with what to do', async () => {
    const findings = await examineUrl(`${proxy.origin}/studio`, PATIENT);
    const bad = findings.filter(({ verdict }) => verdict !== 'ok');
    deepEqual(bad.map(({ name }) => name).toSorted(), ['bodies', 'certificate', 'headers', 'live socket', 'methods', 'origin', 'paths', 'uploads']);
    for (const { name, remedy } of bad) ok((remedy ?? '').length > 10, name);
    match(findings.find(({ name }) => name === 'origin')?.about ?? '', /takes itself for another host/);
  });

  test('an address that is not Studio, or leads elsewhere, is told first', async () => {
    const [address] = await examineUrl(`${proxy.origin}/`, PATIENT);
    deepEqual([address?.name, address?.verdict], ['address', 'failure']);
  });
});
