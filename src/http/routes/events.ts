/** The polling twin of the socket, and with `Accept: text/event-stream` its stream. */
import { eventEndpoints } from '../../contract/events.ts';
import type { Caller } from '../../contract/caller.ts';
import type { Credentials } from '../../identity/credentials.ts';
import type { Realtime } from '../../realtime/realtime.ts';
import { credentialsOf } from '../auth.ts';
import { routesOf, type Route } from '../route.ts';

export interface EventParts {
  readonly realtime: Pick<Realtime, 'poll' | 'stream'>;
  readonly authenticate: (credentials: Credentials) => Promise<Caller | null>;
}

export function eventRoutes({ realtime, authenticate }: EventParts): readonly Route[] {
  return routesOf(eventEndpoints, {
    'GET /api/v1/events': async (call) => {
      const { room, after, wait, limit } = call.query;
      const credentials = credentialsOf(call.request.headers);
      const again = async (): Promise<Caller | null> => (credentials === undefined ? null : authenticate(credentials));
      const options = { caller: call.caller, again, room, signal: call.signal };
      if (!wantsStream(call.header('accept'))) return { body: await realtime.poll({ ...options, after, limit, waitMs: wait * 1_000 }) };
      // A browser's EventSource that comes back says where it was.
      const stream = await realtime.stream({ ...options, after: call.header('last-event-id') ?? after });
      return new Response(stream, {
        headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' },
      });
    },
  });
}

function wantsStream(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((part) => part.trim().toLowerCase().startsWith('text/event-stream'));
}
