/** The uploads of this tab: they go on while one looks at other pages. Two at a time; a failed one can be tried again. */
import { signal } from '@preact/signals';
import { asApiError } from '../api.ts';
import { uploadFile } from '../upload.ts';
import type { ReadonlySignal } from '@preact/signals';
import type { ApiError } from '../api.ts';

export interface UploadItem {
  readonly id: number;
  readonly path: string;
  readonly bytes: number;
  readonly sentBytes: number;
  readonly status: 'queued' | 'running' | 'completed' | 'failed';
  readonly error?: ApiError;
}

// More at once only share the same line.
const AT_ONCE = 2;

const items = signal<readonly UploadItem[]>([]);
const sources = new Map<number, { readonly file: File; readonly stop: AbortController }>();
let lastId = 0;

export const uploads: ReadonlySignal<readonly UploadItem[]> = items;

/** Queues files to be stored below `prefix` (`''` or `a/b/`). */
export function addUploads(files: readonly File[], prefix: string): void {
  const added = files.map((file): UploadItem => {
    lastId += 1;
    sources.set(lastId, { file, stop: new AbortController() });
    return { id: lastId, path: `${prefix}${file.name.normalize('NFC')}`, bytes: file.size, sentBytes: 0, status: 'queued' };
  });
  items.value = [...items.value, ...added];
  pump();
}

/** Stops an upload and forgets it. */
export function dropUpload(id: number): void {
  sources.get(id)?.stop.abort();
  sources.delete(id);
  items.value = items.value.filter((item) => item.id !== id);
  pump();
}

export function retryUpload(id: number): void {
  const source = sources.get(id);
  if (source === undefined) return;
  sources.set(id, { file: source.file, stop: new AbortController() });
  change(id, { status: 'queued', sentBytes: 0 });
  pump();
}

export function clearDoneUploads(): void {
  for (const item of items.value) if (item.status === 'completed') sources.delete(item.id);
  items.value = items.value.filter((item) => item.status !== 'completed');
}

function change(id: number, values: Partial<UploadItem>): void {
  items.value = items.value.map((item) => (item.id === id ? { ...item, ...values } : item));
}

function pump(): void {
  const running = items.value.filter((item) => item.status === 'running').length;
  for (const item of items.value.filter((one) => one.status === 'queued').slice(0, AT_ONCE - running)) void start(item);
}

async function start(item: UploadItem): Promise<void> {
  const source = sources.get(item.id);
  if (source === undefined) return;
  change(item.id, { status: 'running' });
  try {
    await uploadFile({ path: item.path, file: source.file, signal: source.stop.signal, onProgress: (sentBytes) => change(item.id, { sentBytes }) });
    change(item.id, { status: 'completed', sentBytes: item.bytes });
  } catch (error) {
    if (!source.stop.signal.aborted) change(item.id, { status: 'failed', error: asApiError(error) });
  }
  pump();
}
