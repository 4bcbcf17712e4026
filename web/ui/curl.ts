/** A call of the API as a curl line for a POSIX shell. Pure. The key is named by a variable, never written out. */

export interface CurlCall {
  readonly method: string;
  /** Below the UI's root: `api/v1/…`, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /** A file that is sent as it is. */
  readonly file?: string;
}

/** The command. Works in sh: everything that is not plain stands in single quotes. */
export function curlCommand(call: CurlCall, base: URL): string {
  const url = new URL(call.path.replace(/^\//, ''), base).href;
  const parts = ['curl -sS'];
  if (call.method !== 'GET') parts.push(`-X ${call.method}`);
  parts.push(quote(url), '-H "Authorization: Bearer $STUDIO_KEY"');
  if (call.body !== undefined) parts.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(call.body))}`);
  if (call.file !== undefined) parts.push(`--data-binary ${quote(`@${call.file}`)}`);
  return parts.join(' ');
}

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
