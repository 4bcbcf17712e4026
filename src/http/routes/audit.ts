/** The audit trail of the caller's org. */
import { Readable } from 'node:stream';
import { auditEndpoints, type AuditEntry } from '../../contract/audit.ts';
import type { Identity } from '../../identity/identity.ts';
import { routesOf, type Route } from '../route.ts';

/** Entries read at a time: what is sent is never whole in memory. */
const READ = 1_000;

export function auditRoutes({ audit }: Pick<Identity, 'audit'>): readonly Route[] {
  return routesOf(auditEndpoints, {
    'GET /api/v1/audit': async (call) => ({ body: { ...(await audit(call.caller, call.query)), cursor: await call.cursor() } }),
    'GET /api/v1/audit/export': async (call) => {
      const { since, ...filters } = call.query;
      const entries = pagesFrom((after) => audit(call.caller, { ...filters, limit: READ, after }), since === undefined ? -Infinity : Date.parse(since));
      return new Response(Readable.toWeb(Readable.from(entries, { objectMode: false })) as ReadableStream<Uint8Array>, {
        headers: {
          'content-type': 'application/x-ndjson; charset=utf-8',
          'content-disposition': 'attachment; filename="audit.jsonl"',
          'x-content-type-options': 'nosniff',
          'cache-control': 'private, no-store',
        },
      });
    },
  });
}

/** A page of lines at a time, until one is older than `sinceMs`. */
async function* pagesFrom(
  read: (after: string | undefined) => Promise<{ readonly items: readonly AuditEntry[]; readonly next: string | null }>,
  sinceMs: number,
): AsyncGenerator<string> {
  let after: string | undefined;
  do {
    // Serial: a page begins where the one before ended.
    const { items, next } = await read(after);
    const wanted = items.filter(({ at }) => Date.parse(at) >= sinceMs);
    if (wanted.length > 0) yield wanted.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    after = wanted.length < items.length ? undefined : (next ?? undefined);
  } while (after !== undefined);
}
