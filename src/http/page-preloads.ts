/** Which scripts a page of the UI is made of, as the build says in the page: named at once, so that the browser fetches all of them at once. */

interface Preloads {
  /** `/instances/:id`, `/settings/:section?`. */
  readonly path: string;
  readonly scripts: readonly string[];
  /** Only where the screen is wide. */
  readonly wide: readonly string[];
}

/** The page as parts: the links stand between them. A page without the comment has none. */
export interface PageText {
  readonly before: string;
  readonly after: string;
  readonly preloads: readonly Preloads[];
}

export function readPage(html: string): PageText {
  const found = /<!-- preloads (.*?) -->/s.exec(html);
  if (found === null) return { before: html, after: '', preloads: [] };
  return {
    before: html.slice(0, found.index),
    after: html.slice(found.index + found[0].length),
    preloads: JSON.parse(found[1] ?? '[]') as readonly Preloads[],
  };
}

/** The whole page for a path below the UI's root. */
export function pageFor(page: PageText, pathname: string): string {
  const segments = segmentsOf(pathname);
  const found = page.preloads.find(({ path }) => matches(segmentsOf(path), segments));
  const link = (name: string, more = ''): string => `<link rel="modulepreload" href="assets/${name}"${more}>`;
  const links = found === undefined ? [] : [...found.scripts.map((name) => link(name)), ...found.wide.map((name) => link(name, ` media="(min-width: 721px)"`))];
  return `${page.before}${links.join('')}${page.after}`;
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  const needed = pattern.filter((part) => !part.endsWith('?')).length;
  if (segments.length < needed || segments.length > pattern.length) return false;
  return segments.every((segment, index) => pattern[index]?.startsWith(':') === true || pattern[index] === segment);
}
