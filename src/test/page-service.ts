/** A service with a web page, for tests: HTTP and WebSocket on the port it is given, as ComfyUI or TensorBoard would be. Says what reached it. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';

const port = Number(process.env['PORT']);
await sleep(Number(process.env['LATE_MS'] ?? 0));
process.stdout.write(`hello from ${process.env['STUDIO_SERVICE']} on ${port}, token ${process.env['TOKEN'] ?? 'none'}\n`);

const page = `<!doctype html><title>A service</title><h1>It is there</h1><p id="out"></p><script src="app.js"></script>`;
const script = `
const out = document.getElementById('out');
const say = (key, value) => { out.dataset[key] = String(value); };
const attempt = async (key, work) => { try { say(key, await work()); } catch (error) { say(key, 'refused ' + error.name); } };
(async () => {
  await attempt('own', async () => (await fetch('echo')).status);
  await attempt('api', async () => (await fetch(new URL('/api/v1/users/me', location.href), { credentials: 'include' })).status);
  await attempt('change', async () => (await fetch(new URL('/api/v1/secrets/STOLEN', location.href), { method: 'PUT', credentials: 'include', body: '{"value":"x"}', headers: { 'content-type': 'text/plain' } })).status);
  await attempt('storage', () => localStorage.getItem('x') ?? 'empty');
  await attempt('cookie', () => document.cookie || 'none');
  await attempt('socket', () => new Promise((resolve) => { const ws = new WebSocket(new URL('ws', location.href).href.replace(/^http/, 'ws')); ws.onopen = () => ws.send('ping'); ws.onmessage = (event) => resolve(event.data); ws.onerror = () => resolve('failed'); }));
  await attempt('studio', () => new Promise((resolve) => { const ws = new WebSocket(new URL('/api/v1/realtime', location.href).href.replace(/^http/, 'ws'), ['studio.v1']); ws.onopen = () => resolve('open'); ws.onerror = () => resolve('failed'); }));
  say('done', true);
})();`;

const server = createServer((request, response) => {
  const path = (request.url ?? '').split('?')[0];
  if (path === '/health') return void response.end('ok');
  if (path === '/app.js') return void response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
  if (path === '/worker.js') return void response.writeHead(200, { 'content-type': 'text/javascript' }).end('postMessage(2 + 2)');
  if (path === '/die') return process.exit(3);
  if (path === '/redirect') return void response.writeHead(302, { location: `http://127.0.0.1:${port}/echo?from=redirect` }).end();
  if (path === '/cookie') {
    response.setHeader('set-cookie', ['mine=1; Path=/; Domain=127.0.0.1; HttpOnly', 'studio_session=forged; Path=/', 'deep=2; Path=/echo; Secure']);
    return void response
      .writeHead(200, { 'service-worker-allowed': '/', 'clear-site-data': '"*"', 'x-frame-options': 'SAMEORIGIN', 'keep-alive': 'timeout=9' })
      .end('cookies');
  }
  if (path === '/slow') {
    // Streams: a piece at once, the end when the test says so by going away.
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
    return void request.once('close', () => process.stdout.write('the reader went away\n'));
  }
  if (path === '/upload') {
    const hash = createHash('sha256');
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    return void request.on('end', () => response.end(JSON.stringify({ bytes, sha256: hash.digest('hex') })));
  }
  if (path === '/echo' || path === '/services/paged/echo')
    return void response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers }));
  if (path === '/') return void response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': "object-src 'none'" }).end(page);
  response.writeHead(404).end('nothing here');
});
const sockets = new WebSocketServer({ server, path: '/ws' });
sockets.on('connection', (socket, request) => {
  socket.on('message', (data, isBinary) => socket.send(isBinary ? data : `${String(data)} from ${request.headers['cookie'] ?? 'nobody'}`));
});
server.listen(port, '127.0.0.1');
