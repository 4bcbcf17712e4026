/** What a server's answer to a download says, and whether it is one: never trusts that a page with status 200 is a file. Pure. */
import type { EgressStream } from '../kernel/egress.ts';
import { DownloadFault, faultOfStatus } from './download-fault.ts';

/** Which file is meant, and how it is asked for. */
export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For messages. */
  readonly what: string;
  readonly hasToken: boolean;
}

/** Refuses what is no file: error answers, web pages, compressed bodies. @throws DownloadFault */
export function judge(target: Target, { status, headers }: EgressStream): void {
  const at = { host: hostOf(target), what: target.what, retryAfter: headers['retry-after'], hasToken: target.hasToken };
  if (status !== 200 && status !== 206 && status !== 416) throw faultOfStatus(status, at);
  if (/^(text\/html|application\/xhtml)/i.test(headers['content-type'] ?? '') && !/\.x?html?$/i.test(target.what))
    throw new DownloadFault(
      'html_page',
      `${at.host} answered a web page for ${target.what}: a login, a licence to accept, or an error. Open the address in a browser to see it`,
    );
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw new DownloadFault('refused', `${at.host} sends ${target.what} compressed (${encoding}) although asked not to; its bytes can't be counted`);
}

/** Which bytes came, and of how many. @throws DownloadFault */
export function contentRange(target: Target, { headers }: EgressStream): { readonly from: number; readonly to: number; readonly total: number } {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers['content-range'] ?? '');
  const [from, last, total] = [match?.[1], match?.[2], match?.[3]].map(Number);
  if (from === undefined || last === undefined || total === undefined || Number.isNaN(total) || last < from || last >= total)
    throw new DownloadFault(
      'size_mismatch',
      `${hostOf(target)} sent part of ${target.what} without saying which ("${(headers['content-range'] ?? '').slice(0, 80)}")`,
    );
  return { from, to: last + 1, total };
}

/** Some servers call their error pages a file. @param chunk its first bytes  @throws DownloadFault */
export function refusePage(target: Target, chunk: Buffer): void {
  if (/^\s*<(!doctype\s+html|html[\s>])/i.test(chunk.subarray(0, 200).toString('latin1')) && !/\.x?html?$/i.test(target.what))
    throw new DownloadFault(
      'html_page',
      `${hostOf(target)} sent a web page for ${target.what}: a login, a licence to accept, or an error. Open the address in a browser to see it`,
    );
}

export function hostOf(target: Target): string {
  return new URL(target.url).host;
}
