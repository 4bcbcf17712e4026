/** The project's own sources as data, for tests that hold rules over all of them. Reads what git knows (and new, not ignored files). */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { parseSync, type Comment } from 'oxc-parser';

export const root = dirname(dirname(import.meta.dirname));

export interface Import {
  /** As written: `./a.ts`, `zod`, `node:fs`. */
  readonly specifier: string;
  /** The file it names, relative to the root; undefined for packages and built-ins. */
  readonly file: string | undefined;
  readonly isType: boolean;
  readonly line: number;
}

export interface Source {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the contents of strings blanked out, lines kept. */
  readonly code: string;
  readonly imports: readonly Import[];
  /** Every string and template literal, with its line; `holes` are the texts of a template's expressions. */
  readonly strings: readonly { readonly value: string; readonly holes: readonly string[]; readonly line: number }[];
}

/** Every file of the project, tracked or new, relative to the root. */
export function listFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
}

export function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  const parsed = parseSync(path, text);
  const lineOf = lineFinder(text);
  const named = parsed.module.staticImports.map((entry) => ({
    specifier: entry.moduleRequest.value,
    isType: entry.entries.length > 0 && entry.entries.every((name) => name.isType),
    line: lineOf(entry.start),
  }));
  const reexported = parsed.module.staticExports.flatMap((statement) =>
    statement.entries.flatMap((entry) =>
      entry.moduleRequest === null ? [] : [{ specifier: entry.moduleRequest.value, isType: entry.isType, line: lineOf(statement.start) }],
    ),
  );
  const lazy = parsed.module.dynamicImports.flatMap((entry) => {
    const written = /^['"](.+)['"]$/.exec(text.slice(entry.moduleRequest.start, entry.moduleRequest.end));
    return written?.[1] === undefined ? [] : [{ specifier: written[1], isType: false, line: lineOf(entry.start) }];
  });
  const imports = [...named, ...reexported, ...lazy].map((entry) => ({
    ...entry,
    file: entry.specifier.startsWith('.') ? posix.join(posix.dirname(path), entry.specifier) : undefined,
  }));
  return { path, text, code: blankOut(text, [...parsed.comments, ...textsOf(parsed.program)]), imports, strings: stringsOf(parsed.program, text, lineOf) };
}

function blankOut(text: string, spans: readonly Pick<Comment, 'start' | 'end'>[]): string {
  return spans.reduce((code, { start, end }) => code.slice(0, start) + code.slice(start, end).replaceAll(/[^\n]/g, ' ') + code.slice(end), text);
}

/** Where string literals and the fixed parts of templates stand. */
function textsOf(program: unknown): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  walk(program, (node) => {
    if (node['type'] === 'TemplateElement' || (node['type'] === 'Literal' && typeof node['value'] === 'string'))
      found.push({ start: Number(node['start']), end: Number(node['end']) });
  });
  return found;
}

function stringsOf(program: unknown, text: string, lineOf: (offset: number) => number): Source['strings'] {
  const found: { value: string; holes: string[]; line: number }[] = [];
  walk(program, (node) => {
    const start = Number(node['start']);
    if (node['type'] === 'Literal' && typeof node['value'] === 'string') found.push({ value: node['value'], holes: [], line: lineOf(start) });
    if (node['type'] !== 'TemplateLiteral') return;
    const holes = asNodes(node['expressions']).map((hole) => text.slice(Number(hole['start']), Number(hole['end'])));
    found.push({ value: text.slice(start + 1, Number(node['end']) - 1), holes, line: lineOf(start) });
  });
  return found;
}

type SyntaxNode = Readonly<Record<string, unknown>>;

function walk(node: unknown, visit: (node: SyntaxNode) => void): void {
  if (Array.isArray(node)) for (const child of node) walk(child, visit);
  else if (isNode(node)) {
    if (typeof node['type'] === 'string') visit(node);
    for (const child of Object.values(node)) if (typeof child === 'object') walk(child, visit);
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null;
}

function asNodes(value: unknown): SyntaxNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function lineFinder(text: string): (offset: number) => number {
  const ends = [...text.matchAll(/\n/g)].map((match) => match.index);
  return (offset) => ends.filter((end) => end < offset).length + 1;
}
