/** Which media type bytes have: by the name's ending, else by looking whether they are text. Pure. Never a type that a browser would run as ours:
 *  bytes are served sandboxed whatever stands here. */
const BY_ENDING: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  log: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  jsonl: 'application/x-ndjson',
  yaml: 'application/yaml',
  yml: 'application/yaml',
  xml: 'application/xml',
  html: 'text/html',
  js: 'text/javascript',
  ts: 'text/plain',
  py: 'text/x-python',
  sh: 'text/x-shellscript',
  pdf: 'application/pdf',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  svg: 'image/svg+xml',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  flac: 'audio/flac',
  mp4: 'video/mp4',
  webm: 'video/webm',
  zip: 'application/zip',
  gz: 'application/gzip',
  tar: 'application/x-tar',
  parquet: 'application/vnd.apache.parquet',
};

const WELL_FORMED = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;

/** @param declared what the sender said; taken when it is well-formed and says more than "bytes" */
export function mediaTypeOf(name: string, head: Buffer, declared?: string): string {
  const plain = declared?.split(';')[0]?.trim().toLowerCase();
  if (plain !== undefined && WELL_FORMED.test(plain) && plain !== 'application/octet-stream' && plain !== 'application/x-www-form-urlencoded') return plain;
  const ending = /\.([A-Za-z0-9]{1,8})$/.exec(name)?.[1]?.toLowerCase();
  const known = ending === undefined ? undefined : BY_ENDING[ending];
  return known ?? (looksLikeText(head) ? 'text/plain' : 'application/octet-stream');
}

/** UTF-8 without NUL; a character cut at the end is no fault. */
export function looksLikeText(head: Buffer): boolean {
  if (head.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
