/** Files: a path is a name in a table; the bytes are the body. */
import { fileEndpoints } from '../../contract/files.ts';
import { MAX_PUT_BYTES, type Files } from '../../files/files.ts';
import { fail } from '../../kernel/fail.ts';
import { listFiles, readFile } from '../../store/files.ts';
import { bytesResponse } from '../bytes.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function fileRoutes(files: Pick<Files, 'put' | 'delete' | 'open'>): readonly Route[] {
  return routesOf(fileEndpoints, {
    'GET /api/v1/files': async (call) => {
      const { limit, after, prefix } = call.query;
      const cursor = await call.cursor();
      const found = await listFiles(call.sql, { orgId: call.caller.orgId, prefix, after, limit: limit + 1 });
      return { body: pageOf(found, { limit, after: (file) => file.id, cursor }) };
    },
    'PUT /api/v1/files/{path+}': async (call) => {
      const { orgId } = call.caller;
      const declared = Number(call.header('content-length') ?? 0);
      if (declared > MAX_PUT_BYTES)
        fail('too_large', {
          message: `The file has ${declared} bytes; one PUT takes ${MAX_PUT_BYTES}. Send it as a resumable upload: POST /api/v1/uploads.`,
          details: { limitBytes: MAX_PUT_BYTES },
        });
      return {
        body: await files.put({
          orgId,
          path: call.params.path,
          source: call.request.body ?? emptyBody(),
          maxBytes: MAX_PUT_BYTES,
          mediaType: call.header('content-type'),
          requestId: call.requestId,
          signal: call.signal,
        }),
      };
    },
    'GET /api/v1/files/{path+}': async (call) => {
      const { orgId } = call.caller;
      const file = (await readFile(call.sql, { orgId, path: call.params.path })) ?? fail('not_found', `There is no file "${call.params.path}".`);
      if (call.query.meta) return Response.json(file);
      return bytesResponse({ ...file, name: file.path.split('/').at(-1) ?? file.path, open: (range) => files.open(orgId, file.sha256, range) }, call.request);
    },
    'DELETE /api/v1/files/{path+}': async (call) => {
      await files.delete({ orgId: call.caller.orgId, path: call.params.path, requestId: call.requestId });
      return { body: undefined };
    },
  });
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}
