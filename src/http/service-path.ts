/** The address of a service's own page, taken apart: `/services/<name>/~<ticket>/<its own path>`. Pure; whether there is such a service is not its question. */

export interface ServicePath {
  readonly name: string;
  readonly ticket: string | undefined;
  /** The service's own path, with a slash before it. */
  readonly rest: string;
  /** With its question mark; empty: none. */
  readonly search: string;
}

const PATH = /^\/services\/([^/]+)(?:\/(?:~([A-Za-z0-9_-]{32})(?=\/|$))?(.*))?$/s;

/** Undefined: no service's path. The name is checked by looking it up. */
export function parseServicePath(url: string): ServicePath | undefined {
  const [pathname = '', ...query] = url.split('?');
  const match = PATH.exec(pathname);
  // No browser sends such segments; what they meant would differ from place to place.
  if (match?.[1] === undefined || /\/\.{1,2}(\/|$)/.test(pathname)) return undefined;
  const rest = match[3] ?? '';
  return { name: match[1], ticket: match[2], rest: rest.startsWith('/') ? rest : `/${rest}`, search: query.length === 0 ? '' : `?${query.join('?')}` };
}
