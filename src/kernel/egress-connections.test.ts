import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { fakeClock, type FakeClock } from '../test/fake-clock.ts';
import { createEgressConnections, type EgressConnections } from './egress-connections.ts';
import { createEgress } from './egress.ts';
import { EgressError } from './egress-error.ts';

/** Each answers with the number of its connection. */
let server: Server;
let port = 0;
let sockets: Socket[] = [];
let clock: FakeClock;
let connections: EgressConnections;
let hosts: string[];
let lookups: string[];
let address: string;

before(async () => {
  server = createServer({ keepAlive: true, keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume().on('end', () => response.end(String(sockets.indexOf(request.socket))));
  });
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach((t) => {
  clock = fakeClock();
  connections = createEgressConnections(clock);
  const mine = connections;
  (t as { after(work: () => void): void }).after(() => mine.close());
  [sockets, hosts, lookups, address] = [[], ['name.test'], [], '127.0.0.1'];
});

async function ask(kept = connections): Promise<number> {
  const egress = createEgress({
    allowedHosts: async () => hosts,
    connections: kept,
    async resolve(host) {
      lookups.push(host);
      return [{ address, family: 4 }];
    },
  });
  const { body } = await egress.request({
    ...{ method: 'POST', url: `http://name.test:${port}/`, headers: {}, body: Buffer.from('{}'), timeoutMs: 10_000, maxBytes: 100 },
    signal: new AbortController().signal,
  });
  // The connection is put back in the turn after the end of the body.
  await new Promise((resolve) => setImmediate(resolve));
  return Number(body.toString());
}

test('a connection is used again, and stays with the address that was decided on, whatever the name says later', async () => {
  assert.equal(await ask(), 0);
  // Rebound to another address: nobody asks, and nothing goes there.
  address = '127.0.0.2';
  assert.deepEqual([await ask(), await ask(), lookups], [0, 0, ['name.test']]);
});

test('rules that changed hold for kept connections, too', async () => {
  await ask();
  hosts = [];
  await assert.rejects(ask(), (error) => error instanceof EgressError && error.code === 'egress_refused');
  assert.equal(sockets.length, 1);
  hosts = ['name.test'];
  assert.equal(await ask(), 1);
});

test('one that the server closed is replaced within the same request', async () => {
  await ask();
  server.once('request', (request) => request.socket.destroy());
  assert.equal(await ask(), 1);
  assert.equal(sockets.length, 2);
});

test('after five minutes a name is looked up anew', async () => {
  await ask();
  await ask();
  await clock.advance(5 * 60_000 + 1);
  assert.deepEqual([await ask(), lookups.length], [1, 2]);
});

test('what another has kept is not used', async () => {
  await ask();
  const other = createEgressConnections(clock);
  assert.equal(await ask(other), 1);
  other.close();
});

test('requests at the same time have a connection each', async () => {
  assert.deepEqual((await Promise.all([ask(), ask(), ask()])).toSorted(), [0, 1, 2]);
});
