/** Where one is: paths below the UI's base, and filters kept in the URL as `status:failed queue:gpu word`.
 *  The base comes from the page's <base>, so that links work under any path prefix. */
import { useMemo } from 'preact/hooks';
import { navigate as navigateRaw, useSearch } from 'wouter-preact/use-browser-location';

/** The path prefix of the UI without a slash at the end: `''` at the root. */
export function basePath(): string {
  return new URL('./', document.baseURI).pathname.replace(/\/$/, '');
}

/** An href for a path of the UI (`/instances`). */
export function href(path: string): string {
  return `${basePath()}${path}`;
}

/** Goes to a path of the UI. `replace` leaves no step to go back to. */
export function go(path: string, options: { readonly replace?: boolean } = {}): void {
  navigateRaw(href(path), options);
}

/** A filter as typed: named terms with one or more values, and free words. */
export interface Filter {
  readonly terms: Readonly<Record<string, readonly string[]>>;
  readonly words: readonly string[];
}

/** Parses `status:running,failed queue:gpu "two words"`. A value with spaces stands in quotes. Never fails: what is no term is a word. */
export function parseFilter(text: string): Filter {
  const terms: Record<string, string[]> = {};
  const words: string[] = [];
  for (const token of text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []) {
    const term = /^([a-z][a-zA-Z]*):(.*)$/s.exec(token) ?? /^(duration)([<>].*)$/s.exec(token);
    if (term?.[1] === undefined || term[2] === undefined) {
      words.push(unquote(token));
      continue;
    }
    const values = term[1] === 'label' ? [unquote(term[2])] : term[2].split(',').map(unquote);
    terms[term[1]] = [...(terms[term[1]] ?? []), ...values.filter((value) => value !== '')];
  }
  return { terms, words: words.filter((word) => word !== '') };
}

/** The text of a filter; `parseFilter` of it gives the filter back. */
export function formatFilter(filter: Filter): string {
  const named = Object.entries(filter.terms)
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => (name === 'label' ? values.map((value) => `label:${quote(value)}`).join(' ') : `${name}:${values.map(quote).join(',')}`));
  return [...named, ...filter.words.map(quote)].join(' ');
}

function unquote(text: string): string {
  return text.replaceAll('"', '');
}

function quote(text: string): string {
  return /\s/.test(text) ? `"${text}"` : text;
}

/** A filter with one term's values set; none removes the term. */
export function withTerm(filter: Filter, name: string, values: readonly string[]): Filter {
  const { [name]: _dropped, ...rest } = filter.terms;
  return { terms: values.length > 0 ? { ...rest, [name]: values } : rest, words: filter.words };
}

/** One query parameter of the current URL, and how to set it in place (no history step). */
export function useParam(name: string): [value: string, set: (value: string) => void] {
  const value = new URLSearchParams(useSearch()).get(name) ?? '';
  return [value, (next) => setParams({ [name]: next })];
}

/** The page's filter, from the URL's `filter`. */
export function useFilter(): { readonly text: string; readonly filter: Filter; readonly set: (text: string) => void } {
  const [text, set] = useParam('filter');
  const filter = useMemo(() => parseFilter(text), [text]);
  return { text, filter, set };
}

/** Sets query parameters of the current URL; an empty value removes one. In place, or with `push` as a step that one can go back. */
export function setParams(values: Readonly<Record<string, string>>, options: { readonly push?: boolean } = {}): void {
  const url = new URL(window.location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  navigateRaw(`${url.pathname}${url.search}`, { replace: options.push !== true });
}

/** Lets plain links (`<a href>`) to pages of the UI change the address without loading everything again. Called once. */
export function interceptLinks(): void {
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.hasAttribute('download')) return;
    const path = pagePath(link.href);
    if (path === undefined) return;
    event.preventDefault();
    go(path);
  });
}

/** The UI's path of an address; undefined when it is another site's, another prefix's, or the API's. */
export function pagePath(address: string, base: URL = new URL('./', document.baseURI)): string | undefined {
  const url = new URL(address, base);
  if (url.origin !== base.origin || !`${url.pathname}/`.startsWith(base.pathname)) return undefined;
  const path = `/${url.pathname.slice(base.pathname.length)}`;
  return /^\/(api|assets|health|metrics|webhooks|v1)(\/|$)|^\/services\/./.test(path) ? undefined : `${path}${url.search}`;
}
