/** From what a person asks for to a list of files with sizes and hashes: asks the hub or the server, downloads nothing. Refuses early what can't come. */
import type { StartDownload } from '../contract/model-downloads.ts';
import type { ModelSource } from '../contract/models.ts';
import type { Egress } from '../kernel/egress.ts';
import { AppError, fail } from '../kernel/fail.ts';
import type { DownloadFileRecord } from '../store/downloads.ts';
import { asDownloadFault } from './download-fault.ts';
import { probe, type Pace } from './download-fetch.ts';
import { chooseFiles, readRepo, stemOf, tokenHeader, type Hub } from './hugging-face.ts';
import { modelFileFault } from './model-folder.ts';

export interface DownloadPlan {
  readonly source: ModelSource;
  /** Of a plain URL, with its query. */
  readonly url: string | null;
  readonly name: string;
  readonly files: readonly DownloadFileRecord[];
}

export interface Asking {
  readonly hub: Omit<Hub, 'egress'>;
  readonly egress: Egress;
  readonly pace: Pace;
  readonly signal: AbortSignal;
}

/** @throws AppError invalid_body, upstream_failed, rate_limited */
export async function planDownload(request: StartDownload, asking: Asking): Promise<DownloadPlan> {
  if ((request.repo === undefined) === (request.url === undefined))
    fail('invalid_body', { message: 'Name a repo or a url, one of the two.', details: { path: 'repo' } });
  try {
    const wanted = request.url === undefined ? request : (hubAddress(request, asking.hub.endpoint) ?? request);
    return wanted.repo === undefined ? await planUrl(wanted, asking) : await planRepo({ ...wanted, repo: wanted.repo }, asking);
  } catch (error) {
    asking.signal.throwIfAborted();
    throw refusalOf(error);
  }
}

/** What a fault of the other side is to who asks. */
export function refusalOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const fault = asDownloadFault(error);
  if (fault.code === 'rate_limited')
    return new AppError('upstream_failed', { message: `${fault.message}.`, retryAfterS: Math.ceil(fault.retryAfterMs / 1_000), cause: error });
  return new AppError(fault.isTransient ? 'upstream_failed' : 'invalid_body', { message: `${fault.message}.`, details: { reason: fault.code }, cause: error });
}

/** The address of a file's page on the hub means the file. */
export function hubAddress(request: StartDownload, endpoint: string): StartDownload | undefined {
  if (request.url?.startsWith(`${endpoint}/`) !== true) return undefined;
  const path = new URL(request.url).pathname.slice(new URL(`${endpoint}/`).pathname.length);
  const match = /^([^/]+\/[^/]+)\/(?:resolve|blob|raw)\/([^/]+)\/(.+)$/.exec(path);
  const [, repo, revision, file] = match ?? [];
  if (repo === undefined || revision === undefined || file === undefined) return undefined;
  const { url: _url, ...rest } = request;
  return { ...rest, repo, revision: decodeURIComponent(revision), files: [decodeURIComponent(file)] };
}

async function planRepo(request: StartDownload & { readonly repo: string }, asking: Asking): Promise<DownloadPlan> {
  const [repo = '', quantisation] = request.repo.split(':');
  const revision = request.revision ?? 'main';
  const found = await readRepo({ ...asking.hub, egress: asking.egress }, { repo, revision, signal: asking.signal });
  const chosen = chooseFiles(found.files, { repo, quantisation, files: request.files });
  const bad = chosen.files.map((file) => modelFileFault(file.name)).find((fault) => fault !== undefined);
  if (bad !== undefined) fail('invalid_body', { message: `${repo}: ${bad}.`, details: { path: 'files' } });
  return {
    source: { kind: 'huggingface', repo, revision, commit: found.commit },
    url: null,
    name: asName(chosen.name),
    files: chosen.files.map((file) => ({ ...newFile, ...file })),
  };
}

async function planUrl(request: StartDownload, asking: Asking): Promise<DownloadPlan> {
  const { url = '' } = request;
  if (!URL.canParse(url)) fail('invalid_body', { message: `url: "${url.slice(0, 200)}" is no URL; write https://host/path.`, details: { path: 'url' } });
  const shown = new URL(url);
  const last = decodeURIComponent(shown.pathname.split('/').at(-1) ?? '');
  const name = last === '' || modelFileFault(last) !== undefined ? 'model.gguf' : last;
  const isHub = shown.host === new URL(asking.hub.endpoint).host;
  const { bytes } = await probe(
    { url, headers: isHub ? tokenHeader(asking.hub) : {}, what: name, hasToken: isHub && asking.hub.token !== undefined },
    { egress: asking.egress, pace: asking.pace, signal: asking.signal },
  );
  shown.search = '';
  shown.hash = '';
  return { source: { kind: 'url', url: shown.href }, url, name: asName(stemOf(name)), files: [{ ...newFile, name, bytes, sha256: request.sha256 ?? null }] };
}

/** As contract/models.ts names models. */
function asName(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9._:@/-]+/g, '-').slice(0, 128);
  return plain.replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '') || 'model';
}

const newFile = { bytes: null, sha256: null, gitSha1: null, validator: null, done: [], state: 'waiting' } as const;
