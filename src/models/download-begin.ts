/** What is looked at before a download begins: whether it is there already, whether there is room, and what model it will be. Brings nothing. */
import type { StartDownload } from '../contract/model-downloads.ts';
import { fail } from '../kernel/fail.ts';
import type { Database, Sql } from '../store/client.ts';
import { findDownloadsOf, sumOpenDownloads, type DownloadRecord } from '../store/downloads.ts';
import { findModel, type NewModel } from '../store/models.ts';
import { readQueue } from '../store/queues.ts';
import { checkSettings, nameTaken, type By } from './catalogue.ts';
import { noFiles } from './describe.ts';
import type { DownloadPlan } from './download-plan.ts';
import { isModelGguf } from './hugging-face.ts';
import type { ModelFolder } from './model-folder.ts';

export const DOWNLOAD_QUEUE = 'downloads.huggingface';

/** The download that brings, or brought, just this under this name. @throws AppError conflict when the name stands for something else */
export async function sameDownload(
  sql: Sql,
  wanted: { readonly name: string; readonly orgId: string | null; readonly plan: DownloadPlan },
): Promise<DownloadRecord | undefined> {
  const model = await findModel(sql, { orgId: wanted.orgId ?? '', name: wanted.name });
  if (model === undefined || model.orgId !== wanted.orgId) return undefined;
  const download = (await findDownloadsOf(sql, [model.id])).get(model.id);
  const facts = (of: Pick<DownloadPlan, 'source' | 'files'>): string => JSON.stringify([of.source, of.files.map((file) => file.name)]);
  if (download === undefined || sortedText(facts(download)) !== sortedText(facts(wanted.plan))) throw nameTaken(wanted.name);
  return download;
}

/** jsonb gives keys back in an order of its own. */
function sortedText(text: string): string {
  return JSON.stringify(
    JSON.parse(text, (_key, value: unknown) => (isRecord(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))) : value)),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws AppError queue_full, disk_full */
export async function requireRoom(
  { database, folder }: { readonly database: Database; readonly folder: ModelFolder },
  plan: DownloadPlan,
  requireSpace: (bytes: number) => Promise<void>,
): Promise<void> {
  const queue = await readQueue(database.engine, DOWNLOAD_QUEUE);
  const open = await sumOpenDownloads(database.engine);
  if (queue !== undefined && open.queued >= queue.maxPending)
    fail('queue_full', {
      message: `${open.queued} downloads wait in the queue ${DOWNLOAD_QUEUE}, which is its limit.`,
      details: { queue: DOWNLOAD_QUEUE, limit: queue.maxPending },
    });
  const missing = await Promise.all(
    plan.files.map(async (file) => (file.sha256 !== null && (await folder.hasBlob(file.sha256, file.bytes)) ? 0 : (file.bytes ?? 0))),
  );
  await requireSpace(open.missingBytes + missing.reduce((sum, bytes) => sum + bytes, 0));
}

/** What engines of several files are started with where nobody says. */
const VLLM = ['vllm', 'serve', '{model}', '--port', '{port}', '--served-model-name', '{name}'];

/** The model that a download will fill. */
export function newModelOf(
  request: StartDownload & { readonly modelId: string },
  { plan, name, orgId, by }: { readonly plan: DownloadPlan; readonly name: string; readonly orgId: string | null; readonly by: By },
): Omit<NewModel, 'nowMs'> {
  const engine = request.engine ?? (plan.files.some((file) => isModelGguf(file.name)) ? 'llama' : 'service');
  const settings = checkSettings(engine, { ...(engine === 'service' ? { command: VLLM } : {}), ...request.settings });
  return {
    id: request.modelId,
    orgId,
    homeOrgId: by.orgId,
    name,
    engine,
    status: 'downloading',
    settings,
    pinned: false,
    ttlS: null,
    ...noFiles,
    files: [],
    source: plan.source,
  };
}
