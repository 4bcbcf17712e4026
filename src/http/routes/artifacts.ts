/** What jobs and steps left: listed, read, fetched as one archive. */
import type { Readable } from 'node:stream';
import { artifactEndpoints, type Artifact } from '../../contract/artifacts.ts';
import type { Files } from '../../files/files.ts';
import { fail } from '../../kernel/fail.ts';
import { listArtifacts, readArtifact } from '../../store/artifacts.ts';
import { readJobStatus } from '../../store/jobs.ts';
import { archiveResponse } from '../archive.ts';
import { bytesResponse } from '../bytes.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Call, type Route } from '../route.ts';

/** As many as a job may leave. */
const MAX_ARCHIVED = 1_000;

export function artifactRoutes({ files }: { readonly files: Pick<Files, 'open'> }): readonly Route[] {
  const requireJob = async (call: Pick<Call, 'sql' | 'caller'>, id: string): Promise<void> =>
    void ((await readJobStatus(call.sql, { orgId: call.caller.orgId, id })) ?? fail('not_found', `There is no job ${id}.`));
  return routesOf(artifactEndpoints, {
    'GET /api/v1/jobs/{id}/artifacts': async (call) => {
      const { limit, after } = call.query;
      const cursor = await call.cursor();
      const { orgId } = call.caller;
      const { id } = call.params;
      await requireJob(call, id);
      return {
        body: pageOf(await listArtifacts(call.sql, { orgId, jobId: id, after, limit: limit + 1 }), { limit, after: (artifact) => artifact.id, cursor }),
      };
    },
    'GET /api/v1/jobs/{id}/artifacts/archive': async (call) => {
      const { orgId } = call.caller;
      const { id } = call.params;
      await requireJob(call, id);
      const artifacts = await listArtifacts(call.sql, { orgId, jobId: id, limit: MAX_ARCHIVED });
      if (artifacts.length === 0) fail('not_found', `Job ${id} left no artifacts.`);
      const open = (artifact: Artifact): Promise<Readable> => files.open(orgId, artifact.sha256);
      return archiveResponse({ name: `${id}.zip`, entries: artifacts.map((artifact) => ({ ...artifact, open: () => open(artifact) })), signal: call.signal });
    },
    'GET /api/v1/artifacts/{id}': async (call) => {
      const { orgId } = call.caller;
      const artifact = (await readArtifact(call.sql, { orgId, id: call.params.id })) ?? fail('not_found', `There is no artifact ${call.params.id}.`);
      if (call.query.meta) return Response.json(artifact);
      return bytesResponse(
        { ...artifact, name: artifact.name.split('/').at(-1) ?? artifact.name, open: (range) => files.open(orgId, artifact.sha256, range) },
        call.request,
      );
    },
  });
}
