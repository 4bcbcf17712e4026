/** Serves the troubleshooting pages: open to everybody and answered before anything else stands, because who needs them may not get in. Plain HTML without scripts;
 *  holds no facts of this machine. */
import { createHash } from 'node:crypto';
import { errorPages } from './errors.ts';
import { HELP_BASE } from './links.ts';
import { topics, type HelpPage } from './topics.ts';

export interface HelpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
}

const pages: Readonly<Record<string, HelpPage>> = { ...topics, ...errorPages };

/** @param path of the request  @returns undefined when it is not below the pages' address */
export function answerHelp(path: string): HelpAnswer | undefined {
  if (path === HELP_BASE || path === `${HELP_BASE}/`) return html(200, 'Troubleshooting', indexBody(path.endsWith('/') ? '' : 'troubleshooting/'));
  if (!path.startsWith(`${HELP_BASE}/`)) return undefined;
  const page = pages[path.slice(HELP_BASE.length + 1).replace(/\/$/, '')];
  if (page === undefined) return html(404, 'No such page', `<p>There is no page of this name. <a href="${HELP_BASE}">All pages</a></p>`);
  return html(200, page.title, bodyOf(page));
}

/** Every slug there is. */
export function helpSlugs(): readonly string[] {
  return Object.keys(pages);
}

function indexBody(base: string): string {
  const list = (of: Readonly<Record<string, HelpPage>>): string =>
    `<ul>${Object.entries(of)
      .map(([slug, { title }]) => `<li><a href="${base}${slug}">${text(title)}</a></li>`)
      .join('')}</ul>`;
  return `<h2>What goes wrong</h2>${list(topics)}<h2>Error codes</h2>${list(errorPages)}`;
}

function bodyOf({ signs, causes, steps, see }: HelpPage): string {
  const list = (items: readonly string[], tag: 'ul' | 'ol'): string => `<${tag}>${items.map((item) => `<li>${rich(item)}</li>`).join('')}</${tag}>`;
  const near = (see ?? []).map((slug) => `<a href="${slug}">${text(pages[slug]?.title ?? slug)}</a>`).join(' · ');
  return [
    `<h2>How it shows</h2>${list(signs, 'ul')}`,
    `<h2>Why</h2>${list(causes, 'ul')}`,
    `<h2>What to do</h2>${list(steps, 'ol')}`,
    ...(near === '' ? [] : [`<h2>See also</h2><p>${near}</p>`]),
    '<p class="quiet"><a href=".">All pages</a> · <a href="../../">Studio</a></p>',
  ].join('');
}

function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function rich(value: string): string {
  return text(value).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

const STYLE = `:root{color-scheme:dark light;--bg:#0d0e12;--text:#eaebee;--quiet:#aeb1b8;--line:#272a30;--accent:#afacff}
@media(prefers-color-scheme:light){:root{--bg:#f9fafb;--text:#181b20;--quiet:#494d55;--line:#e1e3e6;--accent:#5138b7}}
body{margin:0;background:var(--bg);color:var(--text);font:14px/1.6 Inter,system-ui,sans-serif}
main{max-width:680px;margin:0 auto;padding:32px 20px}h1{font-size:22px;line-height:1.3;margin:0 0 16px}h2{font-size:14px;margin:24px 0 6px}
ul,ol{margin:0;padding-left:22px}li{margin:4px 0}a{color:var(--accent)}code{font:12px/1.5 'JetBrains Mono',ui-monospace,monospace;background:var(--line);border-radius:4px;padding:1px 4px;overflow-wrap:anywhere}
.quiet{color:var(--quiet);margin-top:32px;border-top:1px solid var(--line);padding-top:12px}`;

const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;

function html(status: number, title: string, body: string): HelpAnswer {
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'content-security-policy': `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    },
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${text(title)} · Studio</title><style>${STYLE}</style></head><body><main><h1>${text(title)}</h1>${body}</main></body></html>`,
  };
}
