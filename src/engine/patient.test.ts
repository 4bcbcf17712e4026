import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { EgressError } from '../kernel/egress-error.ts';
import type { HttpRequest } from '../nodes/kit-ports.ts';
import { patientFiles, patientHttp } from './patient.ts';

/** What node-postgres gives when the server is killed under a query. */
const gone = (): Error => Object.assign(new Error('terminating connection due to unexpected postmaster exit'), { code: '57P01' });
const running = { clock: systemClock, state: 'running' as const };
const signal = new AbortController().signal;

test('a file is written although the database goes away in the middle, and read again', async () => {
  let tries = 0;
  const files = patientFiles(running, {
    async read() {
      if (++tries % 2 === 1) throw gone();
      return { bytes: Buffer.from('x'), mediaType: 'text/plain' };
    },
    async write(path, content) {
      if (++tries % 2 === 1) throw gone();
      return { path, bytes: content.length, sha256: 'y' };
    },
  });
  assert.deepEqual(await files.write('a', Buffer.from('abc'), { signal }), { path: 'a', bytes: 3, sha256: 'y' });
  assert.equal((await files.read('a', { maxBytes: 9, signal })).bytes.toString(), 'x');
  assert.equal(tries, 4);
});

test("a request waits for the database, but a server's refusal is the step's to bear, and no request is repeated for it", async () => {
  let tries = 0;
  const request = { signal } as HttpRequest;
  const away = patientHttp(running, {
    async request() {
      if (++tries === 1) throw gone();
      return { status: 200, headers: {}, body: Buffer.alloc(0) };
    },
  });
  assert.equal((await away.request(request)).status, 200);
  tries = 0;
  const refused = patientHttp(running, {
    async request() {
      tries += 1;
      throw new EgressError('egress_failed', 'a.b: connect ECONNREFUSED 1.2.3.4:80', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
    },
  });
  await assert.rejects(refused.request(request), /ECONNREFUSED/);
  assert.equal(tries, 1);
});

test('the wait ends with the step, and with the engine', async () => {
  const never = (): never => {
    throw gone();
  };
  const stop = new AbortController();
  const writing = patientFiles(running, { read: async () => never(), write: async () => never() }).write('a', Buffer.alloc(0), { signal: stop.signal });
  stop.abort(new Error('cancelled'));
  await assert.rejects(writing, /cancelled/);
  const stopped = patientFiles({ clock: systemClock, state: 'stopped' }, { read: async () => never(), write: async () => never() });
  await assert.rejects(stopped.read('a', { maxBytes: 1, signal }), /postmaster exit/);
});
