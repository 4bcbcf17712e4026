/** Saving an organisation's file, and small texts, from the browser. */
import { ApiError, readReply, unanswered, urlOf } from '../api.ts';

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
