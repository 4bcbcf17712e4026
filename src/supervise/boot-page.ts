/** What port 8000 answers before the application does: health from the first moment, a page with phase, last lines and time, and a clear
 *  503 for everything else. Small and without dependencies: it must answer within milliseconds of the process's start. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BootProgress } from './boot-progress.ts';

/** Answers one request from the progress of the start. Never waits for anything. */
export function answerBooting(request: IncomingMessage, response: ServerResponse, progress: BootProgress): void {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  // Browsers ask for it with every page; a refusal would stand red in their console.
  if (path === '/favicon.ico') return void response.writeHead(204, { 'cache-control': 'no-store' }).end();
  const wantsPage = request.method === 'GET' && !path.startsWith('/api/') && (request.headers.accept ?? '').includes('text/html');
  if (wantsPage) return sendPage(response);
  const message = progress.fault === undefined ? `Studio is starting (${progress.phase}); try again in a moment.` : `Studio can't start: ${progress.fault}`;
  const requestId = String(request.headers['x-request-id'] ?? '').slice(0, 64) || 'boot';
  sendJson(response, 503, { error: { code: 'starting', message, requestId } }, { 'retry-after': '1' });
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text), ...CLOSED_HEADERS, ...headers });
  response.end(text);
}

/** Nothing in a JSON answer may load, run, be framed or be kept. */
const CLOSED_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
} as const;

function sendPage(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    // The page becomes the UI in place, so the policy allows what the UI loads from its own origin.
    'content-security-policy': `default-src 'self'; script-src 'self' '${SCRIPT_HASH}'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'self'`,
  });
  response.end(PAGE);
}

/** Polls, shows, and once the server is ready writes the UI into this very document: no reload, no flash. */
const SCRIPT = `
const $ = (id) => document.getElementById(id);
let looks = 0;
const show = (view) => {
  $('phase').textContent = view.fault ? 'Studio can\\u2019t start' : view.title;
  $('time').textContent = (view.elapsedMs / 1000).toFixed(1) + ' s';
  $('lines').textContent = view.lines.join('\\n');
  $('fault').hidden = !view.fault;
  $('fault').textContent = view.fault || '';
  $('help').hidden = !view.fault;
  $('bar').style.width = Math.round(view.share * 100) + '%';
  document.body.classList.toggle('failed', !!view.fault);
};
const swap = async () => {
  const reply = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' });
  const html = await reply.text();
  if (html.includes('id="studio-boot"')) return false;
  document.open();
  document.write(html);
  document.close();
  return true;
};
const tick = async () => {
  try {
    const view = await (await fetch('/health/boot', { cache: 'no-store' })).json();
    if (view.phase === 'ready' && await swap()) return;
    show(view);
  } catch {
    $('phase').textContent = 'Waiting for Studio';
  }
  setTimeout(tick, ++looks < 50 ? 200 : 1000);
};
tick();
`;

const SCRIPT_HASH = `sha256-${createHash('sha256').update(SCRIPT).digest('base64')}`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>Studio is starting</title>
<style>
:root { --ground: #0e1116; --text: #e6e9ef; --quiet: #9aa4b2; --line: #262c36; --accent: #5aa9ff; --bad: #ff7b72; }
@media (prefers-color-scheme: light) { :root { --ground: #fbfcfd; --text: #171b22; --quiet: #586274; --line: #dfe4ea; --accent: #0b63ce; --bad: #b42318; } }
* { box-sizing: border-box; margin: 0; }
body { min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--text); font: 14px/1.5 Inter, system-ui, sans-serif; padding: 24px; }
main { width: min(640px, 100%); display: grid; gap: 16px; }
header { display: flex; justify-content: space-between; align-items: baseline; gap: 16px; }
h1 { font-size: 20px; font-weight: 600; }
#time { color: var(--quiet); font-variant-numeric: tabular-nums; }
.track { height: 3px; border-radius: 2px; background: var(--line); overflow: hidden; }
#bar { height: 100%; width: 4%; background: var(--accent); transition: width .2s; }
pre { color: var(--quiet); font: 12px/1.6 'JetBrains Mono', ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; min-height: 160px; }
a { color: var(--accent); }
#fault { color: var(--bad); white-space: pre-wrap; overflow-wrap: anywhere; }
.failed #bar { background: var(--bad); }
</style>
</head>
<body id="studio-boot">
<main>
<header><h1 id="phase" role="status">Starting</h1><span id="time"></span></header>
<div class="track"><div id="bar"></div></div>
<p id="fault" role="alert" hidden></p>
<p id="help" hidden><a href="/docs/troubleshooting/api-does-not-start">What to do</a></p>
<pre id="lines" aria-label="Last lines of the start"></pre>
<noscript><p>This page shows the progress of the start with JavaScript; /health tells it too. Reload in a moment.</p></noscript>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
