/** What a browser sees in place of a service's page: why it is not there, how far its start is, what to do. Plain HTML; it asks again by itself while
 *  there is something to wait for. */
import { randomBytes } from 'node:crypto';

export interface Notice {
  readonly status: number;
  readonly title: string;
  readonly text: string;
  /** 0 to 1. */
  readonly progress?: number | undefined;
  /** Asked again after so many seconds. */
  readonly refreshS?: number | undefined;
  /** Studio's page to go on at. */
  readonly link: { readonly href: string; readonly text: string };
}

export function noticeResponse(notice: Notice): Response {
  const nonce = randomBytes(16).toString('base64url');
  const { status, title, text, progress, refreshS, link } = notice;
  const bar = progress === undefined ? '' : `<progress max="1" value="${progress.toFixed(3)}" aria-label="Start"></progress>`;
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="dark light">
${refreshS === undefined ? '' : `<meta http-equiv="refresh" content="${refreshS}">`}<title>${escape(title)} · Studio</title><style nonce="${nonce}">${STYLE}</style></head>
<body><main><h1>${escape(title)}</h1><p role="status">${escape(text)}</p>${bar}<p><a href="${escape(link.href)}">${escape(link.text)}</a></p></main></body></html>`;
  return new Response(html, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      ...(refreshS === undefined ? {} : { 'retry-after': String(refreshS) }),
    },
  });
}

const STYLE = `body{margin:0;font:15px/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}
main{max-width:36rem;margin:18vh auto 0;padding:0 1.5rem}h1{font-size:1.25rem;font-weight:600;margin:0 0 .5rem}p{margin:0 0 1rem;overflow-wrap:anywhere}
progress{width:100%;height:.5rem;margin:0 0 1rem}a{color:LinkText}`;

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
