/** A file's facts and the beginning of its text. */
import { ApiError, readReply, urlOf } from '../api.ts';
import { PREVIEW_BYTES } from './files.ts';
import type { File as StoredFile } from '../../src/contract/files.ts';

/** The facts of a file. The endpoint answers bytes, or with `?meta` these: not what its declared reply says. */
export async function loadFileFacts(path: string, signal: AbortSignal): Promise<StoredFile> {
  const response = await request(urlOf('/api/v1/files/{path+}', { path }, { meta: 'true' }), {}, signal);
  return readReply(response, await response.text()) as StoredFile;
}

export interface TextBeginning {
  readonly lines: readonly string[];
  readonly isCut: boolean;
  /** Set when it was asked for and the text is JSON. */
  readonly json?: { readonly value: unknown };
}

/** The text of a file: its beginning, or all of it when it shall be read as JSON. Bytes that are no UTF-8 become U+FFFD. */
export async function loadText(file: StoredFile, asJson: boolean, signal: AbortSignal): Promise<TextBeginning> {
  const isCut = !asJson && file.bytes > PREVIEW_BYTES;
  if (file.bytes === 0) return { lines: [], isCut: false };
  const headers: Record<string, string> = isCut ? { range: `bytes=0-${PREVIEW_BYTES - 1}` } : {};
  const response = await request(urlOf('/api/v1/files/{path+}', { path: file.path }), headers, signal);
  const text = await response.text();
  if (!response.ok) readReply(response, text);
  const value = asJson ? parse(text) : undefined;
  return { lines: text.split(/\r?\n/), isCut, ...(value === undefined ? {} : { json: value }) };
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    // Named JSON but is none: shown as text.
    return undefined;
  }
}

async function request(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { headers: { ...headers, 'x-studio-client': 'web' }, signal, credentials: 'same-origin' });
  } catch (error) {
    throw new ApiError({ status: 0, code: signal.aborted ? 'aborted' : 'network', message: 'Studio can’t be reached from this browser.', cause: error });
  }
}
