/** The catalogue of models, what one would take of a device, and downloads. Members read what their org may use; where a model lies, what runs it and
 *  with which secrets is shown to super administrators alone. */
import { modelDownloadEndpoints, type Download } from '../../contract/model-downloads.ts';
import { modelEstimateEndpoints } from '../../contract/model-estimates.ts';
import { modelEndpoints, type Model, type ModelRuntime } from '../../contract/models.ts';
import { downloadStatuses } from '../../contract/values.ts';
import { hasRole } from '../../identity/policy.ts';
import { fail } from '../../kernel/fail.ts';
import type { Catalogue } from '../../models/catalogue.ts';
import type { Downloads } from '../../models/downloads.ts';
import type { Estimates } from '../../models/estimates.ts';
import { countBytes } from '../../models/download-ranges.ts';
import { findDownloadsOf, listDownloads, readDownload, type DownloadRecord } from '../../store/downloads.ts';
import { listModels, readModel, type ModelRecord } from '../../store/models.ts';
import { statusesOf } from '../filters.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Call, type Route } from '../route.ts';

/** What models do right now, as this room asks it. */
interface LifePort {
  runtime(model: ModelRecord, viewer: string): ModelRuntime;
  unload(modelId: string, options: { readonly reason: string; readonly drainMs: number }): Promise<void>;
}

export interface ModelRoutesParts {
  readonly catalogue: Catalogue;
  readonly downloads: Downloads;
  readonly estimates: Estimates;
  readonly life: LifePort;
}

/** A call that names its thing by id. */
type Named = Pick<Call, 'sql'> & { readonly params: { readonly id: string } };

/** Who uses a model that is deleted may finish. */
const DELETE_DRAIN_MS = 10_000;

export function modelRoutes({ catalogue, downloads, estimates, life }: ModelRoutesParts): readonly Route[] {
  const view = async (call: Call, model: ModelRecord): Promise<Model> => (await viewAll(call, [model]))[0] ?? fail('not_found');

  async function viewAll(call: Call, found: readonly ModelRecord[]): Promise<Model[]> {
    const coming = found.filter((model) => model.status !== 'ready').map((model) => model.id);
    const open = coming.length === 0 ? new Map<string, DownloadRecord>() : await findDownloadsOf(call.sql, coming);
    const showsAll = hasRole(call.caller.role, 'super_admin');
    return found.map((model) => toModel(model, { runtime: life.runtime(model, call.caller.orgId), downloadId: open.get(model.id)?.id ?? null, showsAll }));
  }

  const show = async (record: DownloadRecord): Promise<Download> => toDownload(record, record.status === 'queued' ? await downloads.waitReason() : undefined);

  /** Read under the caller's org: another's is not there. */
  const modelOf = async (call: Named): Promise<ModelRecord> =>
    (await readModel(call.sql, call.params.id)) ?? fail('not_found', `There is no model ${call.params.id}.`);
  const downloadOf = async (call: Named): Promise<DownloadRecord> =>
    (await readDownload(call.sql, call.params.id)) ?? fail('not_found', `There is no download ${call.params.id}.`);
  const by = (call: Pick<Call, 'caller' | 'requestId'>): { orgId: string; requestId: string } => ({ orgId: call.caller.orgId, requestId: call.requestId });

  return routesOf([...modelEndpoints, ...modelEstimateEndpoints, ...modelDownloadEndpoints] as const, {
    'GET /api/v1/models': async (call) => {
      const { limit, after, engine } = call.query;
      const cursor = await call.cursor();
      const page = pageOf(await listModels(call.sql, { after, limit: limit + 1, engine }), { limit, after: (model) => model.id, cursor });
      return { body: { ...page, items: await viewAll(call, page.items) } };
    },
    'POST /api/v1/models': async (call) => {
      const id = call.newId('mdl');
      const known = call.isRepeat ? await readModel(call.sql, id) : undefined;
      return { body: await view(call, known ?? (await catalogue.register({ ...call.body, id }, by(call)))) };
    },
    'GET /api/v1/models/{id}': async (call) => ({ body: await view(call, await modelOf(call)) }),
    'PATCH /api/v1/models/{id}': async (call) => {
      await modelOf(call);
      return { body: await view(call, await catalogue.patch(call.params.id, call.body, by(call))) };
    },
    'DELETE /api/v1/models/{id}': async (call) => {
      const model = await modelOf(call);
      await downloads.cancelOf(model, by(call));
      await life.unload(model.id, { reason: 'it was deleted', drainMs: DELETE_DRAIN_MS });
      // A model that was on its way went with its download.
      if ((await readModel(call.sql, model.id)) !== undefined) await catalogue.remove(model.id, by(call));
      return new Response(null, { status: 204 });
    },
    'GET /api/v1/models/{id}/estimate': async (call) => ({ body: await estimates.ofModel(await modelOf(call), call.query) }),
    'GET /api/v1/models/estimate': async (call) => {
      const hub = await downloads.hubOf(call.caller.orgId);
      return { body: await estimates.ofFile(call.query, { hub, signal: call.signal }) };
    },
    'POST /api/v1/models/downloads': async (call) => {
      const { download, isNew } = await downloads.begin({ ...call.body, id: call.newId('dl'), modelId: call.newId('mdl') }, by(call), call.signal);
      return { status: isNew ? 201 : 200, body: await show(download) };
    },
    'GET /api/v1/models/downloads': async (call) => {
      const { limit, after, status } = call.query;
      const cursor = await call.cursor();
      const found = await listDownloads(call.sql, { after, limit: limit + 1, statuses: statusesOf(status, downloadStatuses) });
      const page = pageOf(found, { limit, after: (download) => download.id, cursor });
      return { body: { ...page, items: await Promise.all(page.items.map(show)) } };
    },
    'GET /api/v1/models/downloads/{id}': async (call) => ({ body: await show(await downloadOf(call)) }),
    'POST /api/v1/models/downloads/{id}/pause': async (call) => ({ body: await show(await downloads.pause((await downloadOf(call)).id, by(call))) }),
    'POST /api/v1/models/downloads/{id}/resume': async (call) => ({ body: await show(await downloads.resume((await downloadOf(call)).id, by(call))) }),
    'POST /api/v1/models/downloads/{id}/cancel': async (call) => ({ body: await show(await downloads.cancel((await downloadOf(call)).id, by(call))) }),
  });
}

/** A model as its caller may see it. */
export function toModel(
  model: ModelRecord,
  { runtime, downloadId, showsAll }: { readonly runtime: ModelRuntime; readonly downloadId: string | null; readonly showsAll: boolean },
): Model {
  const { id, name, engine, status, format, architecture, quantisation, parameters, contextLength, bytes, pinned, ttlS } = model;
  return {
    ...{ id, name, engine, status, format, architecture, quantisation, parameters, contextLength, bytes, pinned, ttlS, downloadId },
    runtime: showsAll ? runtime : withoutBackends(runtime),
    owner: model.orgId === null ? 'machine' : 'org',
    ...(model.fault === null ? {} : { fault: model.fault }),
    ...(showsAll
      ? {
          source: model.source,
          files: model.files.map((file) => ({ name: file.name, bytes: file.bytes, sha256: file.sha256 })),
          settings: model.settings as Model['settings'],
        }
      : {}),
    createdAt: model.createdAt.toISOString(),
    updatedAt: model.updatedAt.toISOString(),
  };
}

function withoutBackends({ backends: _backends, ...runtime }: ModelRuntime): ModelRuntime {
  return runtime;
}

function toDownload(record: DownloadRecord, waitReason: Download['waitReason']): Download {
  const { id, modelId, status, source, bytesDone, bytesTotal, rate, seq } = record;
  const left = bytesTotal === null || rate === null || rate <= 0 ? null : Math.round(((bytesTotal - bytesDone) / rate) * 1_000);
  return {
    ...{ id, modelId, status, source, bytesDone, bytesTotal, rate, seq },
    modelName: record.name,
    owner: record.orgId === null ? 'machine' : 'org',
    files: record.files.map((file) => ({
      name: file.name,
      bytes: file.bytes,
      done: file.state === 'done' || file.state === 'verifying' ? (file.bytes ?? 0) : countBytes(file.done),
      sha256: file.sha256,
      state: file.state,
    })),
    leftMs: status === 'running' ? left : null,
    ...(waitReason === undefined ? {} : { waitReason }),
    ...(record.error === null ? {} : { error: record.error }),
    createdAt: record.createdAt.toISOString(),
    startedAt: record.startedAt?.toISOString() ?? null,
    endedAt: record.endedAt?.toISOString() ?? null,
  };
}
