import { deepEqual, match, ok } from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { createBrowser, faultsOf, findAxeFaults, measureLoad, type TestBrowser } from './browser.ts';
import { freePort } from './studio-process.ts';

const page =
  '<!doctype html><html lang="en"><head><title>t</title><script src="/a.js"></script></head><body><main><h1>Hello</h1><img src="/x.png"></main></body></html>';

const server = createServer((request, response) => {
  const isScript = request.url === '/a.js';
  response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html', 'content-security-policy': "default-src 'self'" });
  response.end(isScript ? 'throw new Error("on purpose")' : page);
});
let browser: TestBrowser;
let url = '';

before(async () => {
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${port}`;
  browser = await createBrowser();
});

after(async () => {
  await browser.close();
  server.close();
});

test('a load is counted, faults of the page are kept, and axe works under a strict content policy', async () => {
  const tab = await browser.newPage(url);
  const load = await measureLoad(tab, '/');
  ok(load.requests >= 2 && load.scriptBytes > 0 && load.bytes > load.scriptBytes);
  match(faultsOf(tab).join('\n'), /on purpose/);
  deepEqual(
    (await findAxeFaults(tab)).map((fault) => fault.id),
    ['image-alt'],
  );
});
