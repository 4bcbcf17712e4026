/** Whole orgs over the API. An export is made on the disk first: a slow reader then holds no moment of the database. */
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { orgEndpoints } from '../../contract/orgs.ts';
import type { Orgs } from '../../orgs/orgs.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf } from './auth.ts';

/** As large as an upload may be. */
const MAX_IMPORT_BYTES = 100 * 1024 ** 3;

export function orgRoutes(orgs: Orgs): readonly Route[] {
  return routesOf(orgEndpoints, {
    'GET /api/v1/orgs': async () => ({ body: { items: await orgs.list() } }),
    'POST /api/v1/orgs': async (call) => ({
      body: await orgs.create({ name: call.body.name, admin: call.body.admin ?? { userId: call.caller.userId } }, authorOf(call)),
    }),
    'PATCH /api/v1/orgs/{id}': async (call) => ({ body: await orgs.rename({ id: call.params.id, name: call.body.name }, authorOf(call)) }),
    'POST /api/v1/orgs/{id}/export': async (call) => {
      const path = await orgs.files.content.newTemp();
      const { org } = await orgs.export({ org: call.params.id, path, passphrase: call.body.passphrase, actor: call.caller.userId, signal: call.signal });
      return fileResponse(path, `${org.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-')}.studio-org`);
    },
    'POST /api/v1/orgs/import': async (call) => {
      const source: AsyncIterable<Uint8Array> = call.request.body ?? Readable.from([]);
      const staged = await orgs.files.content.stage(source, { maxBytes: MAX_IMPORT_BYTES, signal: call.signal });
      try {
        const request = { path: staged.temp, passphrase: call.header('studio-passphrase'), isDryRun: call.query.dryRun, signal: call.signal };
        return { body: await orgs.import(request, authorOf(call)) };
      } finally {
        await orgs.files.content.discard(staged);
      }
    },
    'GET /api/v1/orgs/{id}/purge': async (call) => ({ body: await orgs.previewPurge(call.params.id) }),
    'POST /api/v1/orgs/{id}/purge': async (call) => ({ body: await orgs.purge({ org: call.params.id, name: call.body.name }, authorOf(call)) }),
    'GET /api/v1/org-purges': async () => ({ body: { items: await orgs.certificates() } }),
  });
}

/** The file goes when it was sent, or its reader went away. */
async function fileResponse(path: string, name: string): Promise<Response> {
  const { size } = await stat(path);
  const stream = createReadStream(path);
  stream.once('close', () => void rm(path, { force: true }));
  return new Response(Readable.toWeb(stream) as ReadableStream<Uint8Array>, {
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(size),
      'content-disposition': `attachment; filename="${name}"`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-store',
    },
  });
}
