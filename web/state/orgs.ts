/** Organisations as the browser meets them: going to another one, saving one as a file, and small texts. */
import { ApiError, baseUrl, call, readReply, unanswered, urlOf } from '../api.ts';
import { live } from '../connection.ts';
import { postFile } from '../upload.ts';
import type { ImportReport } from '../../src/contract/orgs.ts';

/** Goes on in another organisation. Everything that is shown is the old one's: the page begins anew. @throws ApiError */
export async function goToOrg(orgId: string): Promise<void> {
  // The session before ends with this; its socket need not say so.
  live.stop();
  try {
    await call('POST /api/v1/auth/org', { body: { orgId } });
  } catch (error) {
    live.start();
    throw error;
  }
  beginAnew();
}

/** Loads the UI from its start, as the person and the organisation that the cookie now stands for. */
export function beginAnew(): void {
  window.location.assign(baseUrl());
}

/** Makes an organisation of a file, or with `isDryRun` only tells what it would make. @throws ApiError */
export async function importOrg(options: {
  readonly file: File;
  readonly passphrase: string;
  readonly isDryRun: boolean;
  readonly onProgress: (sentBytes: number) => void;
  readonly signal: AbortSignal;
}): Promise<ImportReport> {
  const { file, passphrase, isDryRun, onProgress, signal } = options;
  const headers = { 'content-type': 'application/octet-stream', ...(passphrase === '' ? {} : { 'studio-passphrase': passphrase }) };
  const url = urlOf('/api/v1/orgs/import', {}, { dryRun: isDryRun });
  return (await postFile({ url, headers, file, onProgress, signal })) as ImportReport;
}

/** Asks for the file and saves it. @throws ApiError */
export async function exportOrg(org: { readonly id: string; readonly name: string }, passphrase: string | undefined): Promise<void> {
  let response: Response;
  try {
    response = await fetch(urlOf('/api/v1/orgs/{id}/export', { id: org.id }), {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'x-studio-client': 'web', 'content-type': 'application/json' },
      body: JSON.stringify(passphrase === undefined ? {} : { passphrase }),
    });
  } catch (error) {
    throw unanswered(error, undefined);
  }
  if (!response.ok) {
    readReply(response, await response.text());
    throw new ApiError({ status: response.status, code: 'bad_reply', message: 'The file did not come.' });
  }
  saveAs(`${org.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-')}.studio-org`, await response.blob());
}

/** As if a link to it had been clicked. */
export function saveAs(name: string, content: Blob | string): void {
  const url = URL.createObjectURL(typeof content === 'string' ? new Blob([content], { type: 'application/json' }) : content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
