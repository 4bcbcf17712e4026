/** Services over the API. Their own web pages are http/service-pages.ts. */
import { Readable } from 'node:stream';
import { serviceEndpoints } from '../../contract/services.ts';
import { parseRange } from '../../files/range.ts';
import { followLog } from '../../jobs/follow.ts';
import { sizeOf } from '../../jobs/log-pump.ts';
import { searchLog } from '../../jobs/log-search.ts';
import type { Clock } from '../../kernel/clock.ts';
import { tellLogTimes } from '../../kernel/log-times.ts';
import type { ServiceAuthor, ServiceCommands } from '../../services/commands.ts';
import type { ServiceHost } from '../../services/services.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export interface ServiceRoutesParts {
  readonly host: ServiceHost;
  readonly commands: ServiceCommands;
  readonly clock: Clock;
}

const LOG_HEADERS = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'accept-ranges': 'bytes' };

export function serviceRoutes({ host, commands, clock }: ServiceRoutesParts): readonly Route[] {
  const reply = (call: Call, name: string) => ({ body: host.read(name, call.caller.role) });
  const command = async (call: Call, name: string, verb: 'start' | 'stop' | 'restart') => {
    await host.command(name, verb);
    return reply(call, name);
  };
  return routesOf(serviceEndpoints, {
    'GET /api/v1/services': async (call) => {
      const { limit, after } = call.query;
      const cursor = await call.cursor();
      return { body: pageOfAll(host.list(call.caller.role), { limit, after, nameOf: (service) => service.name, cursor }) };
    },
    'POST /api/v1/services': async (call) => {
      await commands.create(call.body, authorOf(call));
      return reply(call, call.body.name);
    },
    'GET /api/v1/services/{name}': async (call) => {
      const { name } = call.params;
      return { body: { service: host.read(name, call.caller.role), definition: host.definitionOf(name) } };
    },
    'PUT /api/v1/services/{name}': async (call) => {
      await commands.update({ ...call.body, name: call.params.name }, authorOf(call));
      return reply(call, call.params.name);
    },
    'DELETE /api/v1/services/{name}': async (call) => {
      await commands.remove(call.params.name, authorOf(call));
      return { body: undefined };
    },
    'POST /api/v1/services/{name}/start': (call) => command(call, call.params.name, 'start'),
    'POST /api/v1/services/{name}/stop': (call) => command(call, call.params.name, 'stop'),
    'POST /api/v1/services/{name}/restart': (call) => command(call, call.params.name, 'restart'),
    'POST /api/v1/services/{name}/enable': async (call) => {
      await commands.setEnabled(call.params.name, true, authorOf(call));
      return reply(call, call.params.name);
    },
    'POST /api/v1/services/{name}/disable': async (call) => {
      await commands.setEnabled(call.params.name, false, authorOf(call));
      return reply(call, call.params.name);
    },
    'GET /api/v1/services/{name}/log/search': async (call) => {
      const { text, exact, from, limit } = call.query;
      return { body: await searchLog({ path: host.logOf(call.params.name).path, text, isExact: exact, from, limit, signal: call.signal }) };
    },
    'GET /api/v1/services/{name}/log/times': async (call) => {
      const { at, ...range } = call.query;
      const { path, timesPath } = host.logOf(call.params.name);
      const body = await tellLogTimes(timesPath, await sizeOf(path), { ...range, to: range.to, atMs: at === undefined ? undefined : Date.parse(at) });
      return { body: { ...body, times: [...body.times] } };
    },
    'GET /api/v1/services/{name}/log': async (call) => {
      const { path, onChange } = host.logOf(call.params.name);
      const { follow, from } = call.query;
      const stream = (start: number, isLive: boolean): AsyncGenerator<Buffer> =>
        followLog({ path, from: start, live: isLive ? { hasEnded: async () => false, onChange } : undefined, clock, signal: call.signal });
      const size = await sizeOf(path);
      const range = follow ? undefined : parseRange(call.header('range'), size);
      if (range === 'unsatisfiable') return new Response(null, { status: 416, headers: { ...LOG_HEADERS, 'content-range': `bytes */${size}` } });
      if (range === undefined) return bytes(stream(from, follow), 200, {});
      return bytes(firstOf(stream(range.start, false), range.end - range.start + 1), 206, { 'content-range': `bytes ${range.start}-${range.end}/${size}` });
    },
  });
}

function authorOf(call: Call): ServiceAuthor {
  return { actor: call.caller.userId, orgId: call.caller.orgId, address: call.address, requestId: call.requestId };
}

function bytes(source: AsyncIterable<Buffer>, status: number, headers: Readonly<Record<string, string>>): Response {
  return new Response(Readable.toWeb(Readable.from(source, { objectMode: false })) as ReadableStream<Uint8Array>, {
    status,
    headers: { ...LOG_HEADERS, ...headers },
  });
}

async function* firstOf(source: AsyncIterable<Buffer>, count: number): AsyncGenerator<Buffer> {
  let left = count;
  for await (const chunk of source) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}
