/** What a repository of Hugging Face holds, and which of its files a model needs. Speaks the hub's API (also a mirror's); downloads nothing.
 *  @see https://huggingface.co/docs/hub/api */
import * as z from 'zod';
import type { Egress } from '../kernel/egress.ts';
import { fail } from '../kernel/fail.ts';
import { DownloadFault, faultOfStatus } from './download-fault.ts';

/** A file of a repository. */
export interface HubFile {
  readonly name: string;
  readonly bytes: number | null;
  /** Of large files. */
  readonly sha256: string | null;
  /** Of small ones: the hash of git's blob. */
  readonly gitSha1: string | null;
}

export interface HubRepo {
  readonly commit: string;
  readonly files: readonly HubFile[];
}

export interface Hub {
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly egress: Pick<Egress, 'request'>;
}

/** Lists of the largest repositories are a few MB. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 20_000;

const info = z.object({
  sha: z.string().regex(/^[0-9a-f]{7,64}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().min(0).nullish(),
      blobId: z.string().nullish(),
      lfs: z.object({ sha256: z.string().nullish(), oid: z.string().nullish(), size: z.int().min(0).nullish() }).nullish(),
    }),
  ),
});

/** @throws DownloadFault */
export async function readRepo(hub: Hub, at: { readonly repo: string; readonly revision: string; readonly signal: AbortSignal }): Promise<HubRepo> {
  const url = `${hub.endpoint}/api/models/${at.repo}/revision/${encodeURIComponent(at.revision)}?blobs=true`;
  const { host } = new URL(url);
  const reply = await hub.egress.request({
    method: 'GET',
    url,
    headers: { accept: 'application/json', ...tokenHeader(hub) },
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_LIST_BYTES,
    signal: at.signal,
  });
  if (reply.status !== 200)
    throw faultOfStatus(reply.status, {
      host,
      what: `${at.repo} at ${at.revision}`,
      retryAfter: reply.headers['retry-after'],
      hasToken: hub.token !== undefined,
    });
  const parsed = info.safeParse(parseJson(reply.body));
  if (!parsed.success) {
    const isPage = /^\s*</.test(reply.body.subarray(0, 100).toString('latin1'));
    throw new DownloadFault(
      isPage ? 'html_page' : 'refused',
      `${host} did not answer for ${at.repo} as Hugging Face does${isPage ? ' but with a web page' : ''}; look at HF_ENDPOINT`,
    );
  }
  return { commit: parsed.data.sha, files: parsed.data.siblings.map(toFile) };
}

/** Where the bytes of a file are asked for. */
export function fileUrl(hub: Pick<Hub, 'endpoint'>, at: { readonly repo: string; readonly commit: string; readonly name: string }): string {
  return `${hub.endpoint}/${at.repo}/resolve/${at.commit}/${at.name.split('/').map(encodeURIComponent).join('/')}`;
}

export function tokenHeader(hub: Pick<Hub, 'token'>): Record<string, string> {
  return hub.token === undefined ? {} : { authorization: `Bearer ${hub.token}` };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    // No JSON: the caller says so, in words of what was asked.
    return undefined;
  }
}

function toFile(sibling: z.infer<typeof info>['siblings'][number]): HubFile {
  const sha256 = sibling.lfs?.sha256 ?? sibling.lfs?.oid ?? null;
  const isHash = sha256 !== null && /^[0-9a-f]{64}$/.test(sha256);
  const isBlob = sibling.lfs === null || sibling.lfs === undefined;
  return {
    name: sibling.rfilename,
    bytes: sibling.lfs?.size ?? sibling.size ?? null,
    sha256: isHash ? sha256 : null,
    gitSha1: isBlob && /^[0-9a-f]{40}$/.test(sibling.blobId ?? '') ? (sibling.blobId ?? null) : null,
  };
}

export interface Chosen {
  readonly files: readonly HubFile[];
  /** What the model is called where nobody says. */
  readonly name: string;
}

const WEIGHTS = /\.(safetensors|bin|pt|pth)$/i;
/** Never needed to run a model. */
const REST = /(^|\/)\.git|\.(onnx|onnx_data|h5|msgpack|ot|tflite|gguf|png|jpe?g|gif|svg|webp|mp4|pdf)$|^(onnx|openvino|original|runs|coreml|flax|tf)\//i;
/** What is chosen where nobody says, as llama.cpp does. */
const USUAL = 'Q4_K_M';

/** Which files of a repository are meant. @throws AppError invalid_body with the choices */
export function chooseFiles(
  files: readonly HubFile[],
  wanted: { readonly repo: string; readonly quantisation: string | undefined; readonly files: readonly string[] | undefined },
): Chosen {
  const repoName = wanted.repo.split('/')[1] ?? wanted.repo;
  if (wanted.files !== undefined) {
    const chosen = namedFiles(files, wanted.files, wanted.repo);
    const gguf = chosen.find((file) => isModelGguf(file.name));
    return { files: chosen, name: gguf === undefined ? repoName : stemOf(gguf.name) };
  }
  const groups = ggufGroups(files);
  if (groups.size > 0) return chooseGguf(groups, wanted);
  const hasSafetensors = files.some((file) => file.name.endsWith('.safetensors'));
  const chosen = files.filter((file) => !REST.test(file.name) && !(hasSafetensors && WEIGHTS.test(file.name) && !file.name.endsWith('.safetensors')));
  if (!chosen.some((file) => WEIGHTS.test(file.name)))
    fail('invalid_body', {
      message: `${wanted.repo} has no GGUF, safetensors or PyTorch files; name what you want in files.`,
      details: { path: 'files', available: names(files) },
    });
  return { files: chosen, name: repoName };
}

function namedFiles(files: readonly HubFile[], patterns: readonly string[], repo: string): readonly HubFile[] {
  const chosen = new Set<HubFile>();
  for (const pattern of patterns) {
    const found = files.filter((file) => matches(pattern, file.name));
    if (found.length === 0) fail('invalid_body', { message: `${repo} has no file "${pattern}".`, details: { path: 'files', available: names(files) } });
    for (const file of found) chosen.add(file);
  }
  return [...chosen];
}

/** `*` stands for any text. Linear: a pattern is a caller's. */
function matches(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

function chooseGguf(groups: ReadonlyMap<string, readonly HubFile[]>, wanted: { readonly repo: string; readonly quantisation: string | undefined }): Chosen {
  const stems = [...groups.keys()];
  const asked = wanted.quantisation ?? (stems.length === 1 ? undefined : USUAL);
  const found = asked === undefined ? stems : stems.filter((stem) => hasWord(stem, asked));
  const stem = found.toSorted((a, b) => a.length - b.length)[0];
  if (stem === undefined)
    fail('invalid_body', {
      message: `${wanted.repo} has no ${asked ?? ''}; say which of its ${stems.length} you want, as ${wanted.repo}:NAME or in files.`,
      details: { path: 'repo', available: stems.slice(0, 200) },
    });
  return { files: groups.get(stem) ?? [], name: stemOf(stem) };
}

function hasWord(text: string, word: string): boolean {
  return ` ${text.toLowerCase().replaceAll(/[-./]/g, ' ')} `.includes(` ${word.toLowerCase().replaceAll(/[-./]/g, ' ')} `);
}

/** The parts of one model lie together: `x-00001-of-00003.gguf`. */
function ggufGroups(files: readonly HubFile[]): ReadonlyMap<string, readonly HubFile[]> {
  const groups = new Map<string, HubFile[]>();
  for (const file of files.filter((one) => isModelGguf(one.name))) {
    const stem = file.name.replace(/\.gguf$/i, '').replace(/-\d{5}-of-\d{5}$/, '');
    groups.set(stem, [...(groups.get(stem) ?? []), file]);
  }
  return groups;
}

/** Projectors and calibration data end in .gguf too. */
export function isModelGguf(name: string): boolean {
  return /\.gguf$/i.test(name) && !/(^|\/|[-_.])(mmproj|imatrix)/i.test(name);
}

/** A name for a model, from that of its file. */
export function stemOf(name: string): string {
  const last = name.split('/').at(-1) ?? name;
  return last.replace(/\.(gguf|safetensors|bin)$/i, '').replace(/-\d{5}-of-\d{5}$/, '');
}

function names(files: readonly HubFile[]): string[] {
  return files.slice(0, 200).map((file) => file.name);
}
